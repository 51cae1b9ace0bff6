/** What one does next with the results of a job: forms that are filled in already. */
import { html } from "htm/preact";
import { nameType } from "../lib/format.js";
import { places } from "../lib/router.js";
import { isReadOnly } from "../lib/store.js";

/** The hints of the server, each a link to a form. */
export function NextJobs({ project, value }) {
  const next = value.next ?? [];
  if (!next.length || isReadOnly.value) return null;
  return html`<section class="panel"><h2>Next</h2><ul class="next-list">
    ${next.map((hint) => {
      const prefill = Object.fromEntries(Object.entries(hint.prefill ?? {}).map(([name, given]) => [name, Array.isArray(given) ? given.join("\n")
        : given]));
      return html`<li><a title=${hint.title} href=${places.build(project, hint.type, prefill)}><b>${nameType(hint.type)}</b>
        <span class="small muted">${hint.reason}</span></a></li>`;
    })}</ul></section>`;
}
