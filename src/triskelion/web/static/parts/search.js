/** Search in the jobs of a project: names, types, titles, notes, tags, parameters. */
import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, pathOf, queryOf } from "../lib/api.js";
import { go, places } from "../lib/router.js";
import { cardOf } from "../lib/store.js";
import { StateMark } from "./state_mark.js";

const PAUSE_MS = 180; // between the last letter and the question
const MOST = 12;

/** Each job once; the one that is called so before those that only speak of it. */
function orderHits(hits, text) {
  const once = hits.filter((hit, place) => hits.findIndex((each) => nameOf(each) === nameOf(hit)) === place);
  const isNamed = (hit) => nameOf(hit).toLowerCase() === text.toLowerCase();
  return [...once.filter(isNamed), ...once.filter((hit) => !isNamed(hit))];
}

function useFound(project, text) {
  const [found, setFound] = useState(null);
  useEffect(() => {
    if (!text.trim()) {
      setFound(null);
      return undefined;
    }
    let isWanted = true;
    const timer = setTimeout(async () => {
      const hits = await get(`${pathOf("p", project)}/search${queryOf({ q: text.trim() })}`).catch(() => []);
      if (isWanted) setFound(orderHits(hits, text.trim()).slice(0, MOST));
    }, PAUSE_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [project, text]);
  return found;
}

/** The box in the bar; arrows move, Enter opens. */
export function SearchBox({ project }) {
  const [text, setText] = useState("");
  const [place, setPlace] = useState(0);
  const [isOpen, setOpen] = useState(false);
  const input = useRef(null);
  const found = useFound(project, text);
  useEffect(() => setPlace(0), [found]);
  const open = (job) => {
    setText("");
    input.current.blur();
    go(["p", project, "j", job]);
  };
  const keys = (event) => {
    if (event.key === "ArrowDown") setPlace(Math.min(place + 1, (found?.length ?? 1) - 1));
    else if (event.key === "ArrowUp") setPlace(Math.max(place - 1, 0));
    else if (event.key === "Enter" && found?.[place]) open(nameOf(found[place]));
    else if (event.key === "Escape") input.current.blur();
    else return;
    event.preventDefault();
  };
  return html`<div class="search" role="search">
    <label class="visually-hidden" for="search">Search jobs</label>
    <input id="search" ref=${input} class="field-input" type="search" placeholder="Search jobs" autocomplete="off" role="combobox"
      aria-expanded=${Boolean(isOpen && found)}
      aria-controls="search-found" value=${text} onInput=${(event) => setText(event.target.value)} onKeyDown=${keys}
      onFocus=${() => setOpen(true)} onBlur=${() => setTimeout(() => setOpen(false), 150)} />
    ${!text && html`<kbd aria-hidden="true">/</kbd>`}
    ${isOpen && found && html`<${Found} project=${project} found=${found} place=${place} />`}
  </div>`;
}

const nameOf = (hit) => hit.name ?? hit.job;

function Found({ project, found, place }) {
  return html`<ul id="search-found" class="found" role="listbox" aria-label="Found jobs">
    ${found.map((hit, number) => {
      const card = cardOf(project, nameOf(hit)) ?? hit;
      return html`<li role="option" aria-selected=${number === place}>
        <a href=${places.job(project, nameOf(hit))}>
          <${StateMark} state=${card.state} /><b>${nameOf(hit)}</b><span class="clip">${card.title || card.type_title || card.type}</span>
          ${hit.text && html`<span class="muted small clip" title=${hit.text}>${hit.where}: ${hit.text}</span>`}
        </a></li>`;
    })}
    ${found.length === 0 && html`<li class="muted">No job has this in its name, type, title, notes or tags.</li>`}
  </ul>`;
}
