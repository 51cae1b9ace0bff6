/** The plots of a job, with one slider over the iterations for all of them. */
import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { get, pathOf, queryOf } from "../lib/api.js";
import { changeQuery } from "../lib/router.js";
import { describePlot, isDrawn, Panel } from "../plots/registry.js";
import { useLoad } from "./load.js";

const kept = new Map(); // data by address: an iteration that is over does not change
const MOST_KEPT = 400;

async function readData(path) {
  if (kept.has(path)) return kept.get(path);
  const data = await get(path);
  if (kept.size >= MOST_KEPT) kept.delete(kept.keys().next().value);
  kept.set(path, data);
  return data;
}

const addressOf = (project, job, name, iteration,
  as) => `${pathOf("p", project, "j", job)}/plots/${encodeURIComponent(name)}${queryOf({ iteration, as })}`;

function Exports({ project, job, name, iteration }) {
  const link = (as) => html`<a href="/api${addressOf(project, job, name, iteration, as)}"
    download="${job}_${name}${iteration === null ? "" : `_${iteration}`}.${as}" aria-label="${name} as ${as.toUpperCase()}">${as.toUpperCase()}</a>`;
  return html`<span class="exports small">${["svg", "png", "csv"].map(link)}</span>`;
}

function Drawn({ project, job, name, iteration, stamp }) {
  const path = addressOf(project, job, name, iteration, "json");
  const { value, error } = useLoad(() => (iteration === null ? get(path) : readData(path)), [path, stamp]);
  if (error) return html`<p class="field-error">${error.message}</p>`;
  if (!value) return html`<div class="plot-place"></div>`;
  try {
    return html`<div class="panels">${describePlot(name, value).map((panel, i) => html`<${Panel} key=${i} panel=${panel} />`)}</div>`;
  } catch (failure) {
    console.error(failure); // data of another version: the server draws what it stored
    return html`<${Picture} project=${project} job=${job} name=${name} iteration=${iteration} stamp=${stamp} caption=${name} />`;
  }
}

function Picture({ project, job, name, iteration, stamp, caption }) {
  const [isBroken, setBroken] = useState(false);
  const address = `/api${addressOf(project, job, name, iteration, "png")}${iteration === null ? `&at=${stamp}` : ""}`;
  if (isBroken) return html`<p class="muted small">This picture could not be drawn. Its data are there as <a
    href="/api${addressOf(project, job, name, iteration, "json")}">JSON</a>.</p>`;
  return html`<img class="plot-picture" src=${address} alt=${caption} loading="lazy" onError=${() => setBroken(true)} />`;
}

/** What one looks at first; the others follow in the order the server has them. */
const FIRST = ["gsfsc", "guinier", "map_slices", "region_views", "compare_fsc", "compare_maps", "compare_poses", "fulcrum_place", "mask_base",
  "mask_slices",
  "pose_change", "iterations"];

function sortPlots(plots) {
  const place = (plot) => (FIRST.includes(plot.name) ? FIRST.indexOf(plot.name) : FIRST.length);
  return [...plots].sort((a, b) => place(a) - place(b));
}

/** Of a plot's iterations, the newest that is not past the one wanted. */
function chooseIteration(iterations, wanted) {
  const numbered = iterations.filter((each) => each !== null);
  if (!numbered.length) return null;
  if (wanted === null) return numbered[numbered.length - 1];
  return [...numbered].reverse().find((each) => each <= wanted) ?? numbered[0];
}

function Plot({ project, job, plot, wanted }) {
  const iteration = plot.iterations.includes(null) && wanted === null ? null : chooseIteration(plot.iterations, wanted);
  const shared = { project, job, name: plot.name, iteration, stamp: plot.iterations.length };
  return html`<section class="panel plot-card ${isDrawn(plot.name) ? "" : "pictured"} ${plot.name}" data-plot=${plot.name}>
    <header class="panel-head"><h3 title=${plot.caption}>${plot.title}</h3>${iteration !== null && html`<span
      class="small muted">iteration ${iteration}</span>`}<span class="grow"></span><${Exports} ...${shared} /></header>
    ${isDrawn(plot.name) ? html`<${Drawn} ...${shared} />` : html`<${Picture} ...${shared} caption=${plot.caption} />`}
    <p class="small muted plot-caption">${plot.caption}</p></section>`;
}

function IterationSlider({ iterations, wanted }) {
  const last = iterations[iterations.length - 1];
  const now = wanted ?? last;
  const move = (event) => {
    const value = Number(event.target.value);
    changeQuery({ iteration: value === last ? null : value });
  };
  return html`<div class="iteration-slider panel"><label for="iteration">Iteration</label>
    <input id="iteration" type="range" min=${iterations[0]} max=${last} step="1" value=${now} onInput=${move}
      aria-valuetext="iteration ${now} of ${last}" />
    <output for="iteration"><b>${now}</b> of ${last}</output>
    ${wanted !== null && html`<button class="button small" onClick=${() => changeQuery({ iteration: null })}>Newest</button>`}</div>`;
}

/**
 * All plots.
 * @param {{project: string, job: string, plots: object[], query: object}} props
 */
export function PlotBoard({ project, job, plots, query }) {
  const iterations = [...new Set(plots.flatMap((plot) => plot.iterations).filter((each) => each !== null))].sort((a, b) => a - b);
  const wanted = query.iteration && iterations.includes(Number(query.iteration)) ? Number(query.iteration) : null;
  return html`${iterations.length > 1 && html`<${IterationSlider} iterations=${iterations} wanted=${wanted} />`}
    <div class="plot-board">${sortPlots(plots).map((plot) => html`<${Plot} key=${plot.name} project=${project} job=${job} plot=${plot}
      wanted=${wanted} />`)}</div>`;
}
