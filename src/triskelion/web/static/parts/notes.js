/** Notes and tags that people give a job. */
import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { pathOf, post, put } from "../lib/api.js";
import { focusAtOnce } from "../lib/focus.js";
import { formatTime } from "../lib/format.js";
import { cardOf, isReadOnly, putCard } from "../lib/store.js";
import { Icon } from "./icons.js";
import { attempt } from "./notice.js";

/** The notes, and a box for another. */
export function Notes({ project, value }) {
  const [text, setText] = useState("");
  const [added, setAdded] = useState([]);
  const known = value.notes ?? [];
  const notes = [...known, ...added.filter((each) => !known.some((note) => note.text === each.text && Math.abs((note.time ?? 0) - each.time) < 60))];
  const add = async (event) => {
    event.preventDefault();
    const note = { text: text.trim(), time: Date.now() / 1000 };
    if (!note.text) return;
    const done = await attempt(() => post(`${pathOf("p", project, "j", value.name)}/notes`, { text: note.text }).then(() => true));
    if (!done) return;
    setText("");
    setAdded([...added, note]);
  };
  const keys = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) add(event);
  };
  if (isReadOnly.value && !notes.length) return null;
  return html`<section class="panel"><h2>Notes</h2>
    <ul class="notes">${notes.map((note) => html`<li><p>${note.text}</p><p class="small muted">
      ${[note.by, note.time && formatTime(note.time)].filter(Boolean).join(", ")}</p></li>`)}</ul>
    ${!isReadOnly.value &&
    html`<form class="stack tight" onSubmit=${add}><textarea class="field-input" rows="2" aria-label="New note" placeholder="What did you see?"
      value=${text} onInput=${(event) => setText(event.target.value)}
        onKeyDown=${keys}></textarea>${text.trim() && html`<div><button class="button small">Add note</button> <span
          class="small muted">Ctrl+Enter</span></div>`}</form>`}
  </section>`;
}

/** The tags, each with a cross, and a box for another. */
export function Tags({ project, value }) {
  const [text, setText] = useState(null);
  const change = (changes) =>
    attempt(async () => {
      await put(`${pathOf("p", project, "j", value.name)}/tags`, { add: [], remove: [], ...changes });
      const card = cardOf(project, value.name);
      const tags = [...new Set([...card.tags, ...(changes.add ?? [])])].filter((tag) => !(changes.remove ?? []).includes(tag));
      putCard(project, { ...card, tags });
    });
  const add = async (event) => {
    event.preventDefault();
    const tag = text.trim();
    setText(null);
    if (tag) await change({ add: [tag] });
  };
  return html`<span class="row tight tags">${value.tags.map(
      (tag) => html`<span class="chip">${tag}${!isReadOnly.value && html`<button type="button" class="chip-close" aria-label="Take tag ${tag} away"
        onClick=${() => change({ remove: [tag] })}>
        <${Icon} name="close" size="10" /></button>`}</span>`,
    )}
    ${!isReadOnly.value &&
    (text === null
      ? html`<button class="chip" onClick=${() => setText("")}><${Icon} name="tag" size="12" />Tag</button>`
      : html`<form onSubmit=${add}><input class="tag-input" ref=${focusAtOnce} aria-label="New tag" placeholder="tag, then Enter" value=${text}
        onInput=${(event) => setText(event.target.value)}
          onKeyDown=${(event) => event.key === "Escape" && setText(null)} onBlur=${add} /></form>`)}</span>`;
}
