/** A job as a card: what it is, how it is, what came of it. */
import { html } from "htm/preact";
import { formatDuration, formatFigure, formatTime, nameFigure, nameType, wallSeconds } from "../lib/format.js";
import { places } from "../lib/router.js";
import { now } from "../lib/store.js";
import { Icon } from "./icons.js";
import { ACTIVE, StateMark } from "./state_mark.js";
import { Thumbnail } from "./thumbnail.js";

const SHOWN_FIGURES = [
  "resolution_A",
  "n_particles",
  "median_rotation_change_deg",
  "b_factor_A2",
  "n_groups",
  "n_regions",
  "volume_A3",
  "share_of_box",
  "fulcrum",
  "angle_median_deg",
  "maps_agree_to_A",
  "cfar",
  "box_px",
];
const SHORT_NAMES = { median_rotation_change_deg: "turned by", angle_median_deg: "apart by" };
const MOST_FIGURES = 3;

/** The figures of a job that a card has room for: [name, value in words]. */
export function headlineFigures(card, most = MOST_FIGURES) {
  const summary = card.summary ?? {};
  const isShown = (name) => summary[name] !== null && summary[name] !== undefined && typeof summary[name] !== "object";
  return SHOWN_FIGURES.filter(isShown).slice(0, most).map((name) => [SHORT_NAMES[name] ?? nameFigure(name), formatFigure(name, summary[name])]);
}

/** How far a running job is: a bar and words; nothing where it does not know. */
export function ProgressLine({ card }) {
  if (card.state !== "running" || !card.progress) return null;
  const { title, done, total } = card.progress;
  return html`<div class="progress-line">
    ${total > 0 && html`<progress max=${total} value=${done} aria-label=${title}></progress>`}
    <span class="small muted clip">${title}${total > 0 ? ` · ${Math.floor((100 * done) / total)} %` : ""}</span></div>`;
}

/** When it ran, or for how long it has been running. */
export function timesOf(card) {
  const active = ACTIVE.includes(card.state);
  const seconds = wallSeconds(card, active ? now.value : card.ended);
  if (card.state === "running" && seconds !== null) return `running for ${formatDuration(Math.max(0, seconds))}`;
  if (active) return card.state === "queued" ? `queued ${formatTime(card.created)}${card.lane ? ` on ${card.lane}` : ""}`
    : `made ${formatTime(card.created)}`;
  return `${formatTime(card.ended)}${seconds !== null ? ` · ${formatDuration(seconds)}` : ""}`;
}

/**
 * One card.
 * @param {{project: string, card: object, picked: string[], pick: (job: string) => void}} props
 */
export function JobCard({ project, card, picked, pick }) {
  const figures = headlineFigures(card);
  const failed = card.state === "failed" || card.state === "killed";
  return html`<li class="card ${card.state} ${picked.includes(card.name) ? "picked" : ""}" data-job=${card.name}>
    <div class="card-head"><${StateMark} state=${card.state} /><a class="card-title grow clip" href=${places.job(project, card.name)}>
      ${nameType(card.type)}</a>
      <input type="checkbox" aria-label="Pick ${card.name} to compare" checked=${picked.includes(card.name)} onChange=${() => pick(card.name)} />
      <span class="job-name">${card.name}</span></div>
    ${card.title && html`<p class="card-own clip" title=${card.title}>${card.title}</p>`}
    <${Thumbnail} project=${project} card=${card} />
    <div class="card-inputs small muted clip">${card.inputs.length ? html`from ${inputJobs(card).map((job, i) => html`${i ? ", " : ""}
      <a href=${places.job(project, job)}>${job}</a>`)}` : "from files"}
      ${card.cloned_from && html` · clone of ${card.cloned_from}`}${card.started_by && html` · by ${card.started_by}`}</div>
    ${figures.length > 0 && html`<dl class="figures">${figures.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`}
    ${failed && html`<p class="small bad-text clip-2" title=${card.message}>${card.message}</p>`}
    <${ProgressLine} card=${card} />
    <div class="card-foot small muted"><span class="clip">${timesOf(card)}</span><span class="grow"></span>
      ${card.warnings?.length > 0 && html`<span class="warn-text" title=${card.warnings.join("\n")}>
        <${Icon} name="warning" size="13" /> ${card.warnings.length}</span>`}
      ${card.n_notes > 0 && html`<span title="${card.n_notes} notes"><${Icon} name="note" size="13" /> ${card.n_notes}</span>`}
      ${card.tags.map((tag) => html`<span class="chip">${tag}</span>`)}</div>
  </li>`;
}

/** The jobs that a job takes its inputs from, each once. */
export const inputJobs = (card) => [...new Set(card.inputs.map((input) => input.job).filter(Boolean))];
