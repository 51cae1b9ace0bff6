/** One job: what it is doing or has done, what came of it, what to do next. */
import { html } from "htm/preact";
import { useEffect } from "preact/hooks";
import { get, pathOf } from "../lib/api.js";
import { listen } from "../lib/events.js";
import { formatTime, nameType } from "../lib/format.js";
import { changeQuery, places } from "../lib/router.js";
import { cardOf } from "../lib/store.js";
import { ProgressLine, timesOf } from "../parts/card.js";
import { Command } from "../parts/copy.js";
import { Figures } from "../parts/figures.js";
import { Inputs, Outputs } from "../parts/inputs_outputs.js";
import { JobActions } from "../parts/job_actions.js";
import { Lineage } from "../parts/lineage.js";
import { Problem, useLoad, Waiting } from "../parts/load.js";
import { LogView } from "../parts/log_view.js";
import { NextJobs } from "../parts/next_jobs.js";
import { Notes, Tags } from "../parts/notes.js";
import { ParameterTable } from "../parts/parameter_table.js";
import { PlotBoard } from "../parts/plot_board.js";
import { ACTIVE, StateMark } from "../parts/state_mark.js";
import { Tabs } from "../parts/tabs.js";
import { Warnings } from "../parts/warnings.js";
import { WorkspaceChoice } from "../parts/workspace_choice.js";

const TABS = { results: "Results", log: "Log", parameters: "Parameters", lineage: "Lineage" };
const SETTLE_MS = 300; // events come in bursts: an iteration leaves a dozen plots

/** Read the job, and again when something has come that its card does not tell. */
function useJob(project, job) {
  const loaded = useLoad(() => get(pathOf("p", project, "j", job)), [project, job]);
  useEffect(() => {
    let timer = null;
    const again = () => {
      clearTimeout(timer);
      timer = setTimeout(loaded.again, SETTLE_MS);
    };
    const stop = listen((name, data) => {
      const isMine = name === "again" || name === "anew" || (data.p === project && (data.job ?? data.card?.name) === job);
      const isNews = name !== "job" || data.event.kind === "plot" || data.event.kind === "state";
      if (isMine && isNews) again();
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [project, job]);
  const card = cardOf(project, job);
  return { ...loaded, value: loaded.value && { ...loaded.value, ...card } };
}

function Head({ project, value }) {
  return html`<div class="job-head">
    <div class="row"><${StateMark} state=${value.state} withWord /><h1><span class="job-name">${value.name}</span> ${nameType(value.type)}</h1>
      ${value.title && html`<span class="muted">${value.title}</span>`}<span class="grow"></span><${JobActions} project=${project} value=${value} />
        </div>
    <div class="row muted small"><span>${timesOf(value)}</span>${value.lane && html`<span>lane ${value.lane}</span>`}
      ${value.cloned_from && html`<span>clone of <a href=${places.job(project, value.cloned_from)}>${value.cloned_from}</a></span>`}
      ${value.started_by && html`<span>started by <a href=${places.job(project, value.started_by)}>${value.started_by}</a></span>`}
      <span>made ${formatTime(value.created)}</span><${WorkspaceChoice} project=${project} value=${value} />
        <${Tags} project=${project} value=${value} /></div>
    ${value.state === "running" && html`<${ProgressLine} card=${value} />`}
    ${value.state === "queued" && value.message && html`<p class="small muted">${value.message}</p>`}
  </div>`;
}

function Results({ project, value, query }) {
  const isEmpty = value.plots.length === 0;
  return html`<div class="job-main stack">
    ${isEmpty && ACTIVE.includes(value.state) && html`<div class="blank"><h2>No result yet</h2><p>Plots appear here as the job makes them.</p></div>
      <${LogView} project=${project} job=${value.name} bytes=${value.log_bytes} />`}
    ${isEmpty && !ACTIVE.includes(value.state) && html`<div class="blank">
      <p>This job made no plots. Its figures and files are on the right, its steps in the log.</p></div>`}
    ${!isEmpty && html`<${PlotBoard} project=${project} job=${value.name} plots=${value.plots} query=${query} />`}
  </div>`;
}

function Side({ project, value }) {
  return html`<aside class="job-side stack" aria-label="Figures, inputs, outputs">
    <${Figures} summary=${value.summary} />
    <${NextJobs} project=${project} value=${value} />
    <${Inputs} project=${project} value=${value} />
    <${Outputs} project=${project} value=${value} />
    <${Notes} project=${project} value=${value} />
  </aside>`;
}

/** The screen. */
export function JobScreen({ project, job, query }) {
  const { value, error, again } = useJob(project, job);
  if (error && !value) {
    return html`<${Problem} title="${job} cannot be shown" error=${error}><button class="button primary" onClick=${again}>Try again</button>
      <a class="button" href=${places.project(project)}>All jobs</a><a class="button" href=${places.bin(project)}>Look in the bin</a><//>`;
  }
  if (!value) return html`<${Waiting}>Reading ${job} …<//>`;
  const tab = query.tab in TABS ? query.tab : "results";
  const choose = (name) => changeQuery({ tab: name === "results" ? null : name });
  return html`<div class="stack">
    <${Head} project=${project} value=${value} />
    <${Warnings} project=${project} value=${value} />
    <${Tabs} label="Parts of the job" tabs=${TABS} chosen=${tab} choose=${choose} />
    <div class="job-body">
      ${tab === "results" && html`<${Results} project=${project} value=${value} query=${query} />`}
      ${tab === "log" && html`<div class="job-main"><${LogView} project=${project} job=${job} bytes=${value.log_bytes} /></div>`}
      ${tab === "parameters" && html`<div class="job-main stack">
        <section class="panel"><h2>The same on the command line</h2><${Command} text=${value.command} /></section>
        <${ParameterTable} value=${value} /></div>`}
      ${tab === "lineage" && html`<div class="job-main"><${Lineage} project=${project} job=${job} /></div>`}
      <${Side} project=${project} value=${value} />
    </div>
  </div>`;
}
