/** The same jobs as a table that sorts by any column. */
import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { formatDuration, formatFigure, formatTime, nameType, wallSeconds } from "../lib/format.js";
import { places } from "../lib/router.js";
import { now, numberOf } from "../lib/store.js";
import { inputJobs } from "./card.js";
import { StateMark } from "./state_mark.js";

const seconds = (card) => wallSeconds(card, now.value) ?? -1;
const figure = (name) => (card) => card.summary?.[name] ?? Infinity;

/** title, what it sorts by, what it shows, whether it is a number */
const COLUMNS = [
  ["Job", (card) => numberOf(card.name), (card, project) => html`<a href=${places.job(project, card.name)}><b>${card.name}</b></a>`],
  ["Type", (card) => card.type, (card, project) => html`<a href=${places.job(project, card.name)}>${nameType(card.type)}</a>`],
  ["State", (card) => card.state, (card) => html`<${StateMark} state=${card.state} withWord />`],
  ["From", (card) => inputJobs(card).join(), (card) => inputJobs(card).join(", ")],
  ["Resolution", figure("resolution_A"), (card) => formatFigure("resolution_A", card.summary?.resolution_A), true],
  ["Particles", figure("n_particles"), (card) => formatFigure("n_particles", card.summary?.n_particles), true],
  ["Time", seconds, (card) => (seconds(card) < 0 ? "–" : formatDuration(seconds(card))), true],
  ["Made", (card) => card.created, (card) => formatTime(card.created)],
  ["Warnings", (card) => card.warnings?.length ?? 0, (card) => card.warnings?.length || "", true],
  ["Tags", (card) => card.tags.join(), (card) => card.tags.map((tag) => html`<span class="chip">${tag}</span> `)],
];

/**
 * The table.
 * @param {{project: string, cards: object[], picked: string[], pick: (job: string) => void}} props
 */
export function JobTable({ project, cards, picked, pick }) {
  const [[column, sign], setOrder] = useState([0, -1]);
  const key = COLUMNS[column][1];
  const compare = (a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : numberOf(b.name) - numberOf(a.name));
  const sorted = [...cards].sort((a, b) => sign * compare(a, b));
  const sortBy = (place) => setOrder([place, place === column ? -sign : 1]);
  const heading = ([title, , , isNumber], place) => html`<th class=${isNumber ? "number" : ""}
    aria-sort=${place === column ? (sign > 0 ? "ascending" : "descending") : "none"}>
    <button class="link-button sort" onClick=${() => sortBy(place)}>${title}${place === column ? (sign > 0 ? " ↑" : " ↓") : ""}</button></th>`;
  return html`<div class="panel table-panel"><table class="plain jobs">
    <thead><tr><th><span class="visually-hidden">Pick</span></th>${COLUMNS.map(heading)}</tr></thead>
    <tbody>${sorted.map(
      (card) => html`<tr key=${card.name} class=${picked.includes(card.name) ? "picked" : ""}>
        <td><input type="checkbox" aria-label="Pick ${card.name} to compare" checked=${picked.includes(card.name)}
          onChange=${() => pick(card.name)} /></td>
        ${COLUMNS.map(([, , show, isNumber]) => html`<td class=${isNumber ? "number" : ""}>${show(card, project)}</td>`)}</tr>`,
    )}</tbody></table></div>`;
}
