/** Two or more jobs side by side: figures, FSC curves, poses, parameters, maps. */
import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, pathOf } from "../lib/api.js";
import { COST, formatFigure, formatValue, HEADLINE, nameFigure, nameType } from "../lib/format.js";
import { changeQuery, go, hashOf, places } from "../lib/router.js";
import { cardsOf, isReadOnly, jobTypes } from "../lib/store.js";
import { Icon } from "../parts/icons.js";
import { Problem, useLoad, Waiting } from "../parts/load.js";
import { CURVE_NAMES, curvesOf, JOB_COLORS, overlayFsc, overlayPoseChange } from "../plots/overlay.js";
import { saveCsv, saveSvg } from "../plots/export.js";
import { Panel } from "../plots/registry.js";

const colorOf = (jobs, job) => JOB_COLORS[jobs.indexOf(job) % JOB_COLORS.length];

/** The newest data of one plot of a job, null where it has none. */
async function readNewest(project, job, name) {
  const plot = job.plots.find((each) => each.name === name);
  if (!plot) return null;
  const newest = plot.iterations[plot.iterations.length - 1];
  const data = await get(`${pathOf("p", project, "j", job.name)}/plots/${name}?as=json${newest === null ? "" : `&iteration=${newest}`}`);
  return { job: job.name, data };
}

async function readJobs(project, names) {
  const jobs = await Promise.all(names.map((name) => get(pathOf("p", project, "j", name))));
  const read = async (plot) => (await Promise.all(jobs.map((job) => readNewest(project, job, plot)))).filter(Boolean);
  const [fsc, poses] = await Promise.all([read("gsfsc"), read("pose_change")]);
  return { jobs, fsc, poses };
}

function Picked({ project, jobs }) {
  const others = cardsOf(project).filter((card) => !jobs.includes(card.name) && card.state === "completed");
  const show = (names) => go(["p", project, "compare", names.join(",")]);
  return html`<div class="compare-jobs">${jobs.map((job) => html`<span class="compare-chip"><i style="background:${colorOf(jobs, job)}"></i>
    <a href=${places.job(project, job)}><b>${job}</b></a>
      <span class="muted">${nameType(cardsOf(project).find((card) => card.name === job)?.type ?? "")}</span>
      <button class="chip-close" aria-label="Leave ${job} out" onClick=${() => show(jobs.filter((each) => each !== job))}>
        <${Icon} name="close" size="11" /></button></span>`)}
    <select class="field-input" style="width:auto" aria-label="Compare with" value=""
      onChange=${(event) => event.target.value && show([...jobs, event.target.value])}>
      <option value="">Add a job …</option>${others.map((card) => html`<option value=${card.name}>${card.name} ${nameType(card.type)}</option>`)}
        </select></div>`;
}

function FigureTable({ jobs }) {
  const names = jobs.map((job) => job.name);
  const isPlain = (value) => typeof value === "number" || typeof value === "string";
  const all = [...new Set(jobs.flatMap((job) => Object.keys(job.summary).filter((name) => isPlain(job.summary[name]))))];
  const order = [...HEADLINE.filter((name) => all.includes(name)), ...all.filter((name) => !HEADLINE.includes(name) && !COST.includes(name)),
    ...COST.filter((name) => all.includes(name) && name !== "threads")];
  const row = (name) => html`<tr key=${name}><td class="muted">${nameFigure(name)}</td>${jobs.map((job) => html`<td class="number">
    ${name in job.summary ? formatFigure(name, job.summary[name]) : "–"}</td>`)}</tr>`;
  return html`<section class="panel"><h2>Figures</h2><table class="plain compare-table"><thead><tr><th></th>
    ${names.map((name) => html`<th class="number" style="color:${colorOf(names, name)}">${name}</th>`)}</tr></thead>
    <tbody>${order.map(row)}</tbody></table></section>`;
}

function Differences({ jobs }) {
  const names = [...new Set(jobs.flatMap((job) => Object.keys(job.parameters)))];
  const textOf = (job, name) => (name in job.parameters ? formatValue(job.parameters[name]) : "not there");
  const different = names.filter((name) => new Set(jobs.map((job) => textOf(job, name))).size > 1);
  const titleOf = (name) => jobs.map((job) => jobTypes.value[job.type]?.fields.find((field) => field.name === name)?.title).find(Boolean) ?? name;
  return html`<section class="panel"><h2>Parameters that differ</h2>
    ${different.length === 0 ? html`<p class="muted">None: the ${names.length} parameters are the same.</p>`
      : html`<table class="plain compare-table"><thead><tr><th></th>${jobs.map((job) => html`<th
        style="color:${colorOf(jobs.map((each) => each.name), job.name)}">${job.name}</th>`)}</tr></thead><tbody>
        ${different.map((name) => html`<tr><td class="muted" title=${name}>${titleOf(name)}</td>${jobs.map((job) => html`<td>${textOf(job, name)}
          </td>`)}</tr>`)}</tbody></table>
        <p class="small muted">${names.length - different.length} others are the same.</p>`}</section>`;
}

function FscPanel({ jobs, fsc, curve }) {
  const box = useRef(null);
  if (!fsc.length) return html`<section class="panel"><h2>FSC</h2><p class="muted">None of these jobs has an FSC curve.</p></section>`;
  const panel = overlayFsc(fsc, curve, jobs);
  const name = `fsc_${jobs.join("_")}`;
  return html`<section class="panel plot-card" ref=${box} data-plot="overlaid_fsc"><div class="panel-head"><h2>FSC</h2>
      <label class="row small">Curve <select class="field-input" style="width:auto" value=${curve}
        onChange=${(event) => changeQuery({ curve: event.target.value })}>
        ${curvesOf(fsc).map((each) => html`<option value=${each} selected=${each === curve}>${CURVE_NAMES[each]}</option>`)}</select></label>
          <span class="grow"></span>
      <span class="exports small"><button class="link-button"
        onClick=${() => saveSvg(box.current.querySelector("svg.plot"), `${name}.svg`)}>SVG</button>
        <button class="link-button" onClick=${() => saveCsv(panel, `${name}.csv`)}>CSV</button></span></div>
    <${Panel} panel=${panel} /></section>`;
}

/** The maps, by the viewer's own panel; said in words where they cannot be drawn. */
function Maps({ project, jobs }) {
  const [parts, setParts] = useState(null);
  useEffect(() => {
    Promise.all([import("../viewer/map_panel.js"), import("../viewer/camera.js")]).then(
      ([{ MapPanel }, { makeCamera }]) => setParts({ MapPanel, camera: makeCamera() }),
      (error) => setParts({ error }),
    );
  }, []);
  const withMap = jobs.filter((job) => job.outputs.some((output) => output.kind === "volume"));
  if (!withMap.length) return null;
  const names = jobs.map((job) => job.name);
  const best = (job) => ["map_sharp", "map"].find((name) => job.outputs.some((output) => output.name === name))
    ?? job.outputs.find((output) => output.kind === "volume").name;
  const maps = withMap.map((job) => ({ job: job.name, output: best(job), title: `${job.name} ${best(job)}`, color: colorOf(names, job.name) }));
  return html`<section class="panel whole"><h2>Maps</h2>
    ${parts?.error && html`<p class="field-error">The viewer could not be loaded: ${parts.error.message}</p>`}
    ${parts?.MapPanel && html`<div><${parts.MapPanel} project=${project} maps=${maps} camera=${parts.camera} /></div>`}</section>`;
}

function Results({ project, jobs, query }) {
  const { value, error, again } = useLoad(() => readJobs(project, jobs), [project, jobs.join()]);
  if (error) return html`<${Problem} title="These jobs cannot be compared" error=${error}><button class="button primary"
    onClick=${again}>Try again</button><//>`;
  if (!value) return html`<${Waiting}>Reading ${jobs.join(", ")} …<//>`;
  const curve = curvesOf(value.fsc).includes(query.curve) ? query.curve : "headline";
  return html`<div class="compare-grid">
    <div class="stack"><${FscPanel} jobs=${jobs} fsc=${value.fsc} curve=${curve} /><${Differences} jobs=${value.jobs} /></div>
    <${FigureTable} jobs=${value.jobs} />
    ${value.poses.length > 0 && html`<section class="panel whole plot-card" data-plot="overlaid_poses"><h2>Pose changes</h2><div class="panels">
      ${overlayPoseChange(value.poses, jobs).map((panel) => html`<${Panel} panel=${panel} />`)}</div></section>`}
    <${Maps} project=${project} jobs=${value.jobs} />
  </div>`;
}

/** The screen. */
export function CompareScreen({ project, jobs, query }) {
  const canRun = jobs.length === 2 && !isReadOnly.value;
  const run = hashOf(["p", project, "new", "compare"], { first: jobs[0], second: jobs[1] });
  return html`<div class="stack">
    <div class="spread"><h1>Compare</h1>${canRun && html`<a class="button" href=${run}
      title="Poses particle by particle, FSC between the maps, their difference">Compare particle by particle …</a>`}</div>
    <${Picked} project=${project} jobs=${jobs} />
    ${jobs.length > 0 ? html`<${Results} project=${project} jobs=${jobs} query=${query} />` : html`<div class="blank">
      <h2>Nothing to compare yet</h2><p>Add jobs above, or pick some among the cards of the project.</p></div>`}
  </div>`;
}
