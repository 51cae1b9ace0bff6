/** A job in the making: a form drawn from the description of its type, checked by the server while one types. */
import { html } from "htm/preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, pathOf, post, queryOf } from "../lib/api.js";
import { beginValues, isChanged, toParameters, toQuery } from "../lib/form.js";
import { nameType } from "../lib/format.js";
import { go, hashOf, places } from "../lib/router.js";
import { isReadOnly, jobTypes, projects, session } from "../lib/store.js";
import { Command } from "../parts/copy.js";
import { Field } from "../parts/field.js";
import { Problem, useLoad, Waiting } from "../parts/load.js";
import { say } from "../parts/notice.js";
import { OutputList } from "../parts/output_list.js";
import { Prose } from "../parts/prose.js";

const PAUSE_MS = 250; // between the last key and the check

/** What the jobs of a project are doing, as one text: when it changes, so may what fits. */
const statesOf = (project) => Object.values(projects.value[project].cards).map((card) => card.name + card.state).join();

/**
 * Ask the server what it thinks of the form, again after every change of it, and when an input that was awaited is there. Only the newest answer
 * counts.
 */
function useCheck(project, type, parameters, lane, wantsPreview) {
  const [check, setCheck] = useState(null);
  const asked = useRef(0);
  const text = JSON.stringify([parameters, lane, wantsPreview]);
  const states = statesOf(project);
  useEffect(() => {
    const number = ++asked.current;
    const timer = setTimeout(async () => {
      const question = { type, parameters, lane: lane || null, preview: wantsPreview };
      const answer = await post(`${pathOf("p", project)}/check`, question).catch((error) => ({
        ok: false,
        errors: [{ field: error.field, message: error.message }],
      }));
      if (number === asked.current) setCheck({ ...answer, text, parameters });
    }, check ? PAUSE_MS : 0);
    return () => clearTimeout(timer);
  }, [project, type, text, states]);
  return { check, isNew: check?.text === text };
}

function useCandidates(project, type, fields, lane) {
  const slots = fields.filter((field) => field.kind === "slot").map((field) => field.name);
  const { value } = useLoad(async () => {
    const lists = await Promise.all(slots.map((slot) => get(`${pathOf("p", project)}/candidates${queryOf({ type, slot, lane })}`)));
    return Object.fromEntries(slots.map((slot, number) => [slot, lists[number]]));
  }, [project, type, statesOf(project), lane]);
  return value ?? {};
}

/**
 * The errors of fields that were touched, or of all once a job was asked for: an empty form is not yet wrong. What was said of a value that has
 * changed since is no longer true.
 */
function errorsOf(check, values, parameters, wasAsked) {
  const found = {};
  for (const { field, message } of check?.errors ?? []) {
    const isStill = JSON.stringify(check.parameters[field]) === JSON.stringify(parameters[field]);
    if (field && isStill && (wasAsked || field in values)) found[field] ??= message;
  }
  return found;
}

function Fields({ title, fields, ...shared }) {
  if (!fields.length) return null;
  const { errors, candidates, ...rest } = shared;
  return html`<fieldset><legend>${title}</legend><div class="fields">
    ${fields.map((field) => html`<${Field} key=${field.name} field=${field} error=${errors[field.name]} candidates=${candidates[field.name]}
      ...${rest} />`)}</div></fieldset>`;
}

function Advanced({ fields, ...shared }) {
  if (!fields.length) return null;
  const changed = fields.filter((field) => isChanged(field, shared.values)).length;
  const isWrong = fields.some((field) => shared.errors[field.name]);
  return html`<details class="advanced" open=${changed > 0 || isWrong || undefined}><summary>Advanced <span class="muted">
    ${fields.length} parameters${changed ? `, ${changed} changed` : ""}</span></summary>
    <${Fields} title="" fields=${fields} ...${shared} /></details>`;
}

function Lines({ title, lines }) {
  return lines?.length ? html`<div><h3>${title}</h3><ul class="preview small">${lines.map((line) => html`<li>${line}</li>`)}</ul></div>` : null;
}

/** The fields that are wrong, each a way to it. */
function Unsettled({ type, errors }) {
  const fields = errors.map((each) => type.fields.find((field) => field.name === each.field)).filter(Boolean);
  const reach = (field) => () => document.getElementById(`field-${field.name}`)?.focus();
  return fields.length ? fields.map((field, i) => html`${i ? ", " : ""}<button type="button" class="link-button" onClick=${reach(field)}>
    ${field.title}</button>`) : "see above";
}

function RunPanel({ project, type, check, isNew, general, place, preview, isSending }) {
  const { lanes, lanes_error: lanesError } = session.value;
  const { lane, setLane, workspace, setWorkspace } = place;
  const workspaces = projects.value[project].workspaces;
  const verb = lane ? `Queue on ${lane}` : "Run";
  return html`<section class="panel run-panel" aria-label="Run">
    ${lanes.length > 0 && html`<label class="run-row"><span>Where</span><select class="field-input" id="lane" value=${lane}
      onChange=${(event) => setLane(event.target.value)}>
      <option value="">At once, on this machine</option>${lanes.map((each) => html`<option value=${each.name} selected=${each.name === lane}>
        ${each.name} (${each.kind}${each.room ? `, ${each.room}` : ""})</option>`)}</select></label>`}
    ${workspaces.length > 1 && html`<label class="run-row"><span>Workspace</span><select class="field-input" id="workspace" value=${workspace}
      onChange=${(event) => setWorkspace(event.target.value)}>
      ${workspaces.map((each) => html`<option value=${each.name} selected=${each.name === workspace}>${each.title}</option>`)}</select></label>`}
    ${lanesError && html`<p class="field-error">${lanesError}</p>`}
    ${general.map((message) => html`<p class="field-error" role="alert">${message}</p>`)}
    <button class="button primary run-button" disabled=${isSending || isReadOnly.value}>${isSending ? "Making the job …" : verb}</button>
    <p class="small muted check-state" role="status">
      ${!check || !isNew ? "Checking …" : check.ok ? "Everything fits." : html`To settle first: <${Unsettled} type=${type}
      errors=${check.errors} />`}</p>
    ${type.can_preview && !preview.wanted && html`<button type="button" class="button" onClick=${preview.want}
      disabled=${!check?.ok}>What will it do?</button>`}
    <${Lines} title="What it will do" lines=${check?.preview} /><${Lines} title="What it took before" lines=${check?.estimate} />
    ${check?.command && html`<div><h3>The same on the command line</h3><${Command} text=${check.command} /></div>`}
  </section>`;
}

function Form({ project, type, query, original }) {
  const { fields } = type;
  const [values, setValues] = useState(() => beginValues(fields, original?.parameters ?? null, query));
  const [lane, setLane] = useState(query.lane ?? "");
  const [workspace, setWorkspace] = useState(query.workspace ?? original?.workspace ?? projects.value[project].workspaces[0]?.name ?? "");
  const [wasAsked, setAsked] = useState(false);
  const [wantsPreview, setWantsPreview] = useState(false);
  const [isSending, setSending] = useState(false);
  const parameters = useMemo(() => toParameters(fields, values, Boolean(original)), [values]);
  const { check, isNew } = useCheck(project, type.name, parameters, lane, wantsPreview);
  const candidates = useCandidates(project, type.name, fields, lane);
  useEffect(() => {
    // what was filled in stands in the address, so that a reload loses nothing
    const kept = { clone: query.clone, lane: lane || null, workspace: query.workspace && workspace, ...toQuery(fields, values, original?.parameters
      ?? null) };
    history.replaceState(null, "", hashOf(["p", project, "new", type.name], kept));
  }, [values, lane, workspace]);
  const change = (name, value) => {
    setValues((before) => {
      const { [name]: _old, ...others } = before;
      return value === undefined ? others : { ...others, [name]: value };
    });
  };
  const send = async (event) => {
    event.preventDefault();
    setAsked(true);
    setSending(true);
    try {
      const made = await post(`${pathOf("p", project)}/jobs`, { type: type.name, parameters, lane: lane || null, clone_of: query.clone ?? null,
        workspace: workspace || null });
      say(`${made.name} is ${lane ? "queued" : "started"}.`, { link: { href: places.build(project, type.name), text: "Another one" } });
      go(["p", project, "j", made.name]);
    } catch (error) {
      setSending(false);
      if (!error.field) say(error.message, { kind: "bad" });
      document.querySelector(".field.wrong input, .field.wrong select")?.focus();
    }
  };
  const errors = errorsOf(check, values, parameters, wasAsked);
  const general = (check?.errors ?? []).filter((each) => !each.field
    || !fields.some((field) => field.name === each.field)).map((each) => each.message);
  const shared = { project, type: type.name, values, errors, change, candidates };
  const slots = fields.filter((field) => field.kind === "slot");
  const plain = fields.filter((field) => field.kind !== "slot");
  return html`<form class="build" onSubmit=${send} noValidate>
    <div class="panel form-panel">
      <${Fields} title="Inputs" fields=${slots} ...${shared} />
      <${Fields} title="Parameters" fields=${plain.filter((field) => !field.advanced)} ...${shared} />
      <${Advanced} fields=${plain.filter((field) => field.advanced)} ...${shared} />
    </div>
    <div class="build-side">
      <${RunPanel} project=${project} type=${type} check=${check} isNew=${isNew} general=${general}
        place=${{ lane, setLane, workspace, setWorkspace }}
        preview=${{ wanted: wantsPreview, want: () => setWantsPreview(true) }} isSending=${isSending} />
      ${slots.length > 0 && html`<${OutputList} project=${project} />`}
    </div>
  </form>`;
}

/** What the job does: a line, and more for those who ask. */
function About({ type }) {
  const hasMore = type.help && type.help !== type.title;
  return html`<p class="muted">${type.title}.</p>
    ${hasMore && html`<details class="lead muted"><summary class="small">More about this job</summary><p><${Prose} text=${type.help} /></p>
      </details>`}`;
}

/** The screen; with `clone` in the query it begins with the parameters of that job. */
export function BuildScreen({ project, type: name, query }) {
  const type = jobTypes.value[name];
  const { value, error } = useLoad(async () => (query.clone ? get(pathOf("p", project, "j", query.clone)) : false), [project, query.clone]);
  if (!type) return html`<${Problem} title="There is no job type ${name}"><a class="button primary" href=${places.choose(project)}>All job types</a>
    <//>`;
  if (error) return html`<${Problem} title="${query.clone} cannot be cloned" error=${error}>
    <a class="button primary" href=${places.build(project, name)}>Begin without it</a><//>`;
  if (value === null) return html`<${Waiting}>Reading ${query.clone} …<//>`;
  return html`<div class="stack">
    <div><h1>${nameType(name)}${query.clone && html` <span class="muted">clone of ${query.clone}</span>`}</h1><${About} type=${type} /></div>
    <${Form} project=${project} type=${type} query=${query} original=${value || null} />
  </div>`;
}
