/** Which job next: all types there are, with what they want and what they give. */
import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { focusAtOnce } from "../lib/focus.js";
import { nameType } from "../lib/format.js";
import { go, places } from "../lib/router.js";
import { jobTypes } from "../lib/store.js";

/** What a type must have, or, where it may choose, what it may have. */
function wantsOf(type) {
  const slots = type.fields.filter((field) => field.kind === "slot");
  const needed = slots.filter((field) => !field.optional);
  return needed.length ? [...new Set(needed.map((field) => field.slot))].join(", ") : [...new Set(slots.map((field) => field.slot))].join(" or ");
}
const givesOf = (type) => [...new Set(Object.values(type.outputs))];

function TypeCard({ project, type, query }) {
  const [wants, gives] = [wantsOf(type), givesOf(type)];
  return html`<li><a class="panel type-card" href=${places.build(project, type.name, query)}>
    <h3>${nameType(type.name)}</h3><p class="small">${type.title}</p>
    <p class="small muted type-flow">${wants || "files"}${gives.length > 0 && html` → ${gives.join(", ")}`}</p></a></li>`;
}

/** The screen; Enter opens the first that fits what was typed. */
export function ChooseScreen({ project, query }) {
  const [text, setText] = useState("");
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const types = Object.values(jobTypes.value);
  const fits = types.filter((type) => words.every((word) => `${type.name} ${nameType(type.name)} ${type.title}`.toLowerCase().includes(word)));
  const open = (event) => {
    event.preventDefault();
    if (fits.length) go(["p", project, "new", fits[0].name], query);
  };
  return html`<div class="stack">
    <div class="spread"><h1>New job</h1>
      <form onSubmit=${open}><input class="field-input wide" type="search" ref=${focusAtOnce} aria-label="Find a job type"
        placeholder="What shall be done?" value=${text}
        onInput=${(event) => setText(event.target.value)} /></form></div>
    <ul class="type-list">${fits.map((type) => html`<${TypeCard} key=${type.name} project=${project} type=${type} query=${query} />`)}</ul>
    ${fits.length === 0 && html`<div class="blank"><h2>No job is called so</h2><p>Try another word, or empty the box to see all ${types.length}.</p>
      </div>`}
  </div>`;
}
