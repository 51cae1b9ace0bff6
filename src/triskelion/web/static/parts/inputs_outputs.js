/** What a job was made from, and the files it left, to look at or to take along. */
import { html } from "htm/preact";
import { pathOf } from "../lib/api.js";
import { formatBytes, nameType } from "../lib/format.js";
import { places } from "../lib/router.js";
import { cardOf, jobTypes } from "../lib/store.js";
import { Icon } from "./icons.js";

const SHOWN_FIRST = 8;

/** The slots of a job and what was in them. */
export function Inputs({ project, value }) {
  const titles = Object.fromEntries((jobTypes.value[value.type]?.fields ?? []).map((field) => [field.name, field.title]));
  const children = value.children ?? [];
  if (!value.inputs.length && !children.length) return null;
  return html`<section class="panel"><h2>Inputs</h2>
    <ul class="file-list">${value.inputs.map((input) => {
      const from = input.job && cardOf(project, input.job);
      return html`<li><span class="muted slot-name">${titles[input.slot] ?? input.slot}</span>
        ${input.job ? html`<a class="clip grow" href=${places.job(project, input.job)}>${input.reference}${from && html` <span class="muted">
          ${nameType(from.type)}</span>`}</a>`
          : html`<span class="clip grow mono small" title=${input.reference}>${input.reference}</span>`}</li>`;
    })}</ul>
    ${children.length > 0 && html`<p class="small muted">Used by ${children.map((child, i) => html`${i ? ", " : ""}
      <a href=${places.job(project, child.name ?? child)}>${child.name ?? child}</a>`)}</p>`}
  </section>`;
}

function File({ project, value, output }) {
  const href = `/api${pathOf("p", project, "j", value.name)}/files/${output.file.split("/").map(encodeURIComponent).join("/")}`;
  const isMap = output.kind === "volume" || output.kind === "mask";
  return html`<li><i class="kind-dot ${output.kind}" aria-hidden="true"></i><span class="clip grow" title=${output.file}>${output.name}</span>
    <span class="muted small nowrap">${formatBytes(output.bytes)}</span>
    ${isMap && html`<a class="icon-button" href=${places.view(project, value.name, { map: output.name })} aria-label="Look at ${output.name}"
      title="Look at it"><${Icon} name="view" size="15" /></a>`}
    <a class="icon-button" href=${href} download aria-label="Download ${output.name}" title="Download ${output.file}">
      <${Icon} name="download" size="15" /></a></li>`;
}

/** The files a job left; all of them as one archive. */
export function Outputs({ project, value }) {
  const { outputs } = value;
  if (!outputs.length) return null;
  const isSeen = outputs.some((output) => ["volume", "mask", "segmentation"].includes(output.kind));
  const draw = (output) => html`<${File} key=${output.file} project=${project} value=${value} output=${output} />`;
  return html`<section class="panel"><div class="panel-head"><h2>Outputs</h2>${isSeen && html`<a class="button small"
    href=${places.view(project, value.name)}><${Icon} name="view" size="14" />View</a>`}</div>
    <ul class="file-list">${outputs.slice(0, SHOWN_FIRST).map(draw)}</ul>
    ${outputs.length > SHOWN_FIRST && html`<details><summary class="small">${outputs.length - SHOWN_FIRST} more files</summary>
      <ul class="file-list">${outputs.slice(SHOWN_FIRST).map(draw)}</ul></details>`}
    <p class="small"><a href="/api${pathOf("p", project, "j", value.name)}/archive" download>All files as an archive</a></p></section>`;
}
