/** What takes the room in a project. */
import { html } from "htm/preact";
import { get, pathOf } from "../lib/api.js";
import { formatBytes, nameType } from "../lib/format.js";
import { places } from "../lib/router.js";
import { cardOf } from "../lib/store.js";
import { Problem, useLoad, Waiting } from "../parts/load.js";

const PARTS = ["images", "iterations", "rest"];
const total = (row) => PARTS.reduce((sum, part) => sum + (row[part] ?? 0), 0);

/** The screen: jobs by size, each as a bar of its parts. */
export function DiskScreen({ project }) {
  const { value, error, again } = useLoad(() => get(`${pathOf("p", project)}/disk`), [project]);
  if (error) return html`<${Problem} title="The sizes cannot be read" error=${error}><button class="button primary"
    onClick=${again}>Try again</button><//>`;
  if (!value) return html`<${Waiting}>Adding up the files …<//>`;
  const rows = [...value.jobs].sort((a, b) => total(b) - total(a));
  const all = rows.reduce((sum, row) => sum + total(row), 0);
  const largest = Math.max(1, ...rows.map(total));
  return html`<div class="stack"><h1>Disk use <span class="muted">${formatBytes(all)}</span></h1>
    <div class="panel"><table class="plain disk"><thead><tr><th>Job</th><th class="bar-cell"><i class="disk-part images">
      </i>images <i class="disk-part iterations"></i>iterations <i class="disk-part rest"></i>the rest</th><th class="number">Size</th></tr></thead>
      <tbody>
      ${rows.map((row) => html`<tr key=${row.name}><td class="nowrap"><a href=${places.job(project, row.name)}><b>${row.name}</b>
        </a> <span class="muted">${nameType(cardOf(project, row.name)?.type ?? row.type ?? "")}</span></td>
        <td class="bar-cell"><span class="disk-bar" style="width:${(100 * total(row)) / largest}%">
          ${PARTS.map((part) => html`<i class="disk-part ${part}" style="flex:${row[part] ?? 0}" title="${part} ${formatBytes(row[part] ?? 0)}">
          </i>`)}</span></td>
        <td class="number">${formatBytes(total(row))}</td></tr>`)}</tbody></table></div></div>`;
}
