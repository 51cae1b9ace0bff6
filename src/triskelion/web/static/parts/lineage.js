/** What a job was made from, step by step back to the particles, and what was made from it. */
import { html } from "htm/preact";
import { cardsOf } from "../lib/store.js";
import { inputJobs } from "./card.js";
import { JobGraph } from "./graph.js";

/** All that is reached from a job by steps from one card to others. */
function reach(start, step) {
  const found = new Set([start]);
  const open = [start];
  while (open.length) {
    for (const next of step(open.pop())) {
      if (!found.has(next)) {
        found.add(next);
        open.push(next);
      }
    }
  }
  return found;
}

/** The graph of a job's relatives, itself framed. */
export function Lineage({ project, job }) {
  const cards = cardsOf(project);
  const byName = Object.fromEntries(cards.map((card) => [card.name, card]));
  const parents = (name) => (byName[name] ? inputJobs(byName[name]) : []);
  const children = (name) => cards.filter((card) => inputJobs(card).includes(name)).map((card) => card.name);
  const related = new Set([...reach(job, parents), ...reach(job, children)]);
  return html`<${JobGraph} project=${project} cards=${cards.filter((card) => related.has(card.name))} picked=${[job]} />`;
}
