/** What the jobs of a project have made, to be dragged into slots. */
import { html } from "htm/preact";
import { nameType } from "../lib/format.js";
import { cardsOf } from "../lib/store.js";

/** The type under which a dragged output travels. */
export const DRAGGED = "application/x-triskelion-output";

const KINDS = ["particles", "volume", "mask", "segmentation"];

function drag(reference) {
  return (event) => {
    event.dataTransfer.setData(DRAGGED, reference);
    event.dataTransfer.setData("text/plain", reference);
    event.dataTransfer.effectAllowed = "copy";
  };
}

/** The list, the newest job first. */
export function OutputList({ project }) {
  const cards = cardsOf(project).filter((card) => card.outputs.some((output) => KINDS.includes(output.kind)));
  return html`<section class="panel outputs-panel" aria-label="Outputs to drag"><h3>Drag into a slot</h3>
    <ul class="output-list">${cards.map(
      (card) => html`<li key=${card.name}><p class="small muted clip">${card.name} · ${nameType(card.type)}</p>
        <div class="row tight">${card.outputs.filter((output) => KINDS.includes(output.kind)).map(
          (output) => html`<span class="chip draggable" draggable="true" onDragStart=${drag(`${card.name}.${output.name}`)}
            title="${card.name}.${output.name}, ${output.kind}">
            <i class="kind-dot ${output.kind}"></i>${output.name}</span>`,
        )}</div></li>`,
    )}</ul>
    ${cards.length === 0 && html`<p class="small muted">No job has made anything yet.</p>`}
  </section>`;
}
