/** Deleted jobs: restored by one click. */
import { html } from "htm/preact";
import { get, pathOf, post } from "../lib/api.js";
import { formatBytes, formatTime, nameType } from "../lib/format.js";
import { places } from "../lib/router.js";
import { isReadOnly, loadProject } from "../lib/store.js";
import { Problem, useLoad, Waiting } from "../parts/load.js";
import { attempt, say } from "../parts/notice.js";

/** The screen. */
export function BinScreen({ project }) {
  const { value, error, again } = useLoad(() => get(`${pathOf("p", project)}/bin`), [project]);
  if (error) return html`<${Problem} title="The bin cannot be read" error=${error}><button class="button primary"
    onClick=${again}>Try again</button><//>`;
  if (!value) return html`<${Waiting}>Looking into the bin …<//>`;
  const jobs = value.jobs ?? value;
  const restore = (job) =>
    attempt(async () => {
      await post(`${pathOf("p", project)}/bin/${job}/restore`);
      await loadProject(project);
      say(`${job} is back.`, { link: { href: places.job(project, job), text: "Look at it" } });
      again();
    });
  return html`<div class="stack"><h1>Bin</h1>
    <p class="muted">Jobs stay here until the bin is emptied, which only the command line does: <code>triskelion bin --empty</code></p>
    ${jobs.length === 0
      ? html`<div class="blank"><h2>The bin is empty</h2></div>`
      : html`<div class="panel"><table class="plain"><thead><tr><th>Job</th><th>Type</th><th>Ended</th><th class="number">Size</th><th></th></tr>
        </thead><tbody>
          ${jobs.map((job) => html`<tr key=${job.name}><td><b>${job.name}</b></td><td>${job.type ? nameType(job.type) : "–"}</td><td>
            ${formatTime(job.deleted ?? job.ended)}</td><td class="number">${formatBytes(job.bytes)}</td>
            <td class="number">${!isReadOnly.value && html`<button class="button small" onClick=${() => restore(job.name)}>Restore</button>`}</td>
              </tr>`)}</tbody></table></div>`}
  </div>`;
}
