/** The page: bar, screen, messages. Which screen is shown follows from the address alone. */
import { html, render } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { startEvents } from "./lib/events.js";
import { startKeys } from "./lib/keys.js";
import { places, route } from "./lib/router.js";
import { cardsOf, jobTypes, loadJobTypes, loadProject, loadSession, session, titleOf } from "./lib/store.js";
import { KeyHelp } from "./parts/key_help.js";
import { Problem, useLoad, Waiting } from "./parts/load.js";
import { Notices } from "./parts/notice.js";
import { TopBar } from "./parts/topbar.js";
import { BinScreen } from "./screens/bin.js";
import { BuildScreen } from "./screens/build.js";
import { ChooseScreen } from "./screens/choose.js";
import { CompareScreen } from "./screens/compare.js";
import { DiskScreen } from "./screens/disk.js";
import { HomeScreen } from "./screens/home.js";
import { JobScreen } from "./screens/job.js";
import { ProjectScreen } from "./screens/project.js";

/** A screen that brings its own large parts, fetched when it is first wanted. */
function Later({ load, name, ...props }) {
  const { value, error } = useLoad(async () => (await load())[name], [name]);
  if (error) return html`<${Problem} title="This part of the page could not be loaded" error=${error} />`;
  return value ? html`<${value} ...${props} />` : html`<${Waiting}>Loading the viewer …<//>`;
}

const PLACES = {
  w: (project, query, name) => html`<${ProjectScreen} project=${project} workspace=${name} query=${query} />`,
  bin: (project) => html`<${BinScreen} project=${project} />`,
  disk: (project) => html`<${DiskScreen} project=${project} />`,
  new: (project, query, type) =>
    type
      ? html`<${BuildScreen} key=${route.value.visit} project=${project} type=${type} query=${query} />`
      : html`<${ChooseScreen} project=${project} query=${query} />`,
  j: (project, query, job) => html`<${JobScreen} key=${job} project=${project} job=${job} query=${query} />`,
  view: (project, query, job) =>
    html`<${Later} key=${job} load=${() => import("./viewer/viewer_screen.js")} name="ViewerScreen" project=${project} job=${job} query=${query} />`,
  compare: (project, query, jobs = "") => html`<${CompareScreen} key=${jobs} project=${project} jobs=${jobs.split(",").filter(Boolean)}
    query=${query} />`,
};

function ProjectPlace({ project, place, name, query }) {
  const { error, again } = useLoad(() => Promise.all([loadProject(project), loadJobTypes()]), [project]);
  const cards = cardsOf(project);
  if (error && (!cards || !jobTypes.value)) {
    return html`<${Problem} title="Project ${project} cannot be shown" error=${error}>
      <button class="button primary" onClick=${again}>Try again</button><a class="button" href=${places.home()}>All projects</a>
    <//>`;
  }
  if (!cards || !jobTypes.value) return html`<${Waiting}>Reading the jobs of the project …<//>`;
  const show = place === undefined ? PLACES.w : PLACES[place];
  return show ? show(project, query, name) : html`<${NoSuchPlace} />`;
}

function NoSuchPlace() {
  return html`<${Problem} title="There is nothing at this address">
    <p>The link may be cut short, or written for another version.</p><a class="button primary" href=${places.home()}>All projects</a>
  <//>`;
}

function Screen() {
  const { parts, query } = route.value;
  const [first, project, place, name] = parts;
  if (first === undefined) return html`<${HomeScreen} />`;
  if (first !== "p" || project === undefined) return html`<${NoSuchPlace} />`;
  return html`<${ProjectPlace} key=${project} project=${project} place=${place} name=${name} query=${query} />`;
}

function skip(event) {
  event.preventDefault(); // the address is the place: it must not become #main
  document.querySelector("main")?.focus();
}

function App() {
  const [refused, setRefused] = useState(null);
  const begin = () => loadSession().then(() => setRefused(null), setRefused);
  useEffect(begin, []);
  const { parts } = route.value;
  useEffect(() => {
    document.title = [parts.at(3), parts[1] && titleOf(parts[1]), "Triskelion"].filter(Boolean).join(" · ");
  }, [parts, session.value]);
  if (refused) {
    return html`<main id="main" tabindex="-1"><${Problem}
      title=${refused.status === 401 ? "This page needs its key" : "The server cannot be reached"} error=${refused}>
      <button class="button primary" onClick=${begin}>Try again</button>
    <//></main>`;
  }
  const isWhole = parts[2] === "view";
  return html`<a class="skip-link" href="#main" onClick=${skip}>Skip to content</a>
    <${TopBar} />
    <main id="main" tabindex="-1" class=${isWhole ? "whole" : ""}>${session.value ? html`<${Screen} />` : html`<${Waiting}>Asking the server …<//>`}
      </main>
    <${Notices} /><${KeyHelp} />`;
}

startEvents();
startKeys();
render(html`<${App} />`, document.getElementById("app"));
