/** The jobs of a project, or of one of its workspaces: as cards, as a table, as a graph; the same jobs in the same selection. */
import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { post, pathOf } from "../lib/api.js";
import { focusAtOnce } from "../lib/focus.js";
import { changeQuery, go, hashOf, places } from "../lib/router.js";
import { cardsOf, isReadOnly, loadProject, projects } from "../lib/store.js";
import { JobCard } from "../parts/card.js";
import { Icon } from "../parts/icons.js";
import { JobGraph } from "../parts/graph.js";
import { attempt } from "../parts/notice.js";
import { JobTable } from "../parts/table.js";

const VIEWS = { cards: "Cards", table: "Table", graph: "Graph" };
const FILTERS = { running: "running", queued: "queued", failed: "failed", completed: "completed" };

function rememberedView() {
  try {
    return localStorage.getItem("triskelion.view") ?? "cards";
  } catch {
    return "cards"; // storage may be forbidden
  }
}

function chooseView(view) {
  changeQuery({ show: view });
  try {
    localStorage.setItem("triskelion.view", view);
  } catch {
    // the choice then stands in the address only
  }
}

function Workspaces({ project, current, workspaces, cards }) {
  const [title, setTitle] = useState(null);
  const count = (name) => cards.filter((card) => card.workspace === name).length;
  const entry = (href, text, number, isCurrent) =>
    html`<li><a href=${href} aria-current=${isCurrent ? "page" : null}><span class="clip">${text}</span><span class="count">${number}</span></a>
      </li>`;
  const make = async (event) => {
    event.preventDefault();
    const made = await attempt(() => post(`${pathOf("p", project)}/workspaces`, { title }));
    if (!made) return;
    setTitle(null);
    await loadProject(project);
    go(["p", project, "w", made.name]);
  };
  return html`<section aria-label="Workspaces"><h3>Workspaces</h3>
    <ul>${entry(places.project(project), "All jobs", cards.length, current === undefined)}
      ${workspaces.map((each) => entry(places.workspace(project, each.name), each.title, count(each.name), each.name === current))}</ul>
    ${!isReadOnly.value &&
    (title === null
      ? html`<button class="button quiet small" onClick=${() => setTitle("")}><${Icon} name="plus" size="13" />New workspace</button>`
      : html`<form class="row" onSubmit=${make}><input class="field-input" ref=${focusAtOnce} aria-label="Title of the workspace"
        placeholder="Title, then Enter" value=${title}
          onInput=${(event) => setTitle(event.target.value)} onKeyDown=${(event) => event.key === "Escape" && setTitle(null)} /></form>`)}
  </section>`;
}

function Sidebar({ project, workspace, query, cards }) {
  const tags = [...new Set(cards.flatMap((card) => card.tags))].sort();
  const states = Object.keys(FILTERS).filter((state) => cards.some((card) => card.state === state));
  const chip = (key, value, text) =>
    html`<button class="chip" aria-pressed=${query[key] === value} onClick=${() => changeQuery({ [key]: query[key] === value ? null : value })}>
      ${text}</button>`;
  return html`<aside class="sidebar" aria-label="Parts of the project">
    <${Workspaces} project=${project} current=${workspace} workspaces=${projects.value[project].workspaces} cards=${cards} />
    ${states.length > 1 &&
    html`<section aria-label="States"><h3>State</h3><div class="row tight">
      ${states.map((state) => chip("state", state, `${FILTERS[state]} ${cards.filter((card) => card.state === state).length}`))}</div></section>`}
    ${tags.length > 0 && html`<section aria-label="Tags"><h3>Tags</h3><div class="row tight">${tags.map((tag) => chip("tag", tag, tag))}</div>
      </section>`}
    <section aria-label="Upkeep"><ul><li><a href=${places.disk(project)}>Disk use</a></li><li><a href=${places.bin(project)}>Bin</a></li></ul>
      </section>
  </aside>`;
}

function chooseCards(cards, workspace, query) {
  return cards.filter(
    (card) => (!workspace || card.workspace === workspace) && (!query.state || card.state === query.state) && (!query.tag
      || card.tags.includes(query.tag)),
  );
}

function Toolbar({ project, workspace, view, chosen, picked, setPicked }) {
  const title = workspace ? (projects.value[project].workspaces.find((each) => each.name === workspace)?.title ?? workspace) : "All jobs";
  return html`<div class="toolbar">
    <h1>${title}</h1><span class="muted">${chosen.length} job${chosen.length === 1 ? "" : "s"}</span><span class="grow"></span>
    ${picked.length > 0 &&
    html`<span class="row"><span class="muted">${picked.length} picked</span>
      ${picked.length > 1 && html`<a class="button" href=${places.compare(project, picked)}>Compare ${picked.join(" and ")}</a>`}
      <button class="button quiet" onClick=${() => setPicked([])}>Clear</button></span>`}
    <div class="segments" role="group" aria-label="How jobs are shown">
      ${Object.entries(VIEWS).map(([name, text]) => html`<button aria-pressed=${view === name} onClick=${() => chooseView(name)}>${text}</button>`)}
        </div>
    ${!isReadOnly.value && html`<a class="button primary" href=${places.choose(project, { workspace })}><${Icon} name="plus" />New job</a>`}
  </div>`;
}

function NoJobs({ project, isFiltered }) {
  if (isFiltered) return html`<div class="blank"><h2>No job fits</h2><p>Take a filter away on the left to see the others.</p></div>`;
  return html`<div class="blank"><h2>No job yet</h2>
    <p>Begin with particles that have poses, for example those of a consensus refinement, or simulate some.</p>
    <div class="row"><a class="button primary" href=${places.build(project, "import_particles")}>Import particles</a>
      <a class="button" href=${hashOf(["p", project, "new", "fetch_empiar"])}>Fetch from EMPIAR</a>
        <a class="button" href=${places.build(project, "simulate")}>Simulate</a></div></div>`;
}

/** The screen of a project. */
export function ProjectScreen({ project, workspace, query }) {
  const [picked, setPicked] = useState([]);
  const cards = cardsOf(project);
  const chosen = chooseCards(cards, workspace, query);
  const view = query.show in VIEWS ? query.show : rememberedView();
  const pick = (name) => setPicked(picked.includes(name) ? picked.filter((each) => each !== name) : [...picked, name]);
  const shared = { project, cards: chosen, picked, pick };
  return html`<div class="with-sidebar">
    <${Sidebar} project=${project} workspace=${workspace} query=${query} cards=${cards} />
    <div class="stack grow">
      <${Toolbar} project=${project} workspace=${workspace} view=${view} chosen=${chosen} picked=${picked} setPicked=${setPicked} />
      ${chosen.length === 0 && html`<${NoJobs} project=${project} isFiltered=${cards.length > 0} />`}
      ${chosen.length > 0 && view === "cards" && html`<ul class="cards">${chosen.map((card) => html`<${JobCard} key=${card.name} ...${shared}
        card=${card} />`)}</ul>`}
      ${chosen.length > 0 && view === "table" && html`<${JobTable} ...${shared} />`}
      ${chosen.length > 0 && view === "graph" && html`<${JobGraph} ...${shared} />`}
    </div>
  </div>`;
}
