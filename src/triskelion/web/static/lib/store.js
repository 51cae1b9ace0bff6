/** What the page knows: projects and their jobs, kept true by the stream of events. */
import { computed, signal } from "@preact/signals";
import { get, pathOf } from "./api.js";
import { listen } from "./events.js";

/** What GET /session says; null until it has answered. */
export const session = signal(null);
/** Job types by name; null until they are there. */
export const jobTypes = signal(null);
/** Project id -> {cards: {name: card}, workspaces: [...]}. */
export const projects = signal({});
/** Whether nothing may be changed here. */
export const isReadOnly = computed(() => session.value?.read_only ?? false);
/** Seconds since 1970, moved on every second while a job runs, so that running times tick. */
export const now = signal(Date.now() / 1000);

setInterval(() => {
  now.value = Date.now() / 1000;
}, 1000);

/** Read the session again. */
export async function loadSession() {
  session.value = await get("/session");
}

/** Read the job types, once. */
export async function loadJobTypes() {
  if (jobTypes.value) return;
  const list = await get("/job_types");
  jobTypes.value = Object.fromEntries(list.map((type) => [type.name, type]));
}

/**
 * Read the jobs and workspaces of a project.
 * @param {string} project
 */
export async function loadProject(project) {
  const [cards, workspaces] = await Promise.all([get(`${pathOf("p", project)}/jobs`), get(`${pathOf("p", project)}/workspaces`)]);
  const byName = Object.fromEntries(cards.map((card) => [card.name, card]));
  projects.value = { ...projects.value, [project]: { cards: byName, workspaces } };
}

/** The jobs of a project, the newest first; null until they are read. */
export function cardsOf(project) {
  const known = projects.value[project];
  return known ? Object.values(known.cards).sort((a, b) => numberOf(b.name) - numberOf(a.name)) : null;
}

/** The card of a job, or undefined. */
export const cardOf = (project, job) => projects.value[project]?.cards[job];

/** 12 of "J12". */
export const numberOf = (job) => Number(job.slice(1));

/** The title of a project. */
export const titleOf = (project) => session.value?.projects.find((each) => each.id === project)?.title ?? project;

function replaceCard(project, name, change) {
  const known = projects.value[project];
  if (!known) return;
  const card = change(known.cards[name]);
  if (!card) return;
  projects.value = { ...projects.value, [project]: { ...known, cards: { ...known.cards, [name]: card } } };
}

/** Put a card in place: as the server sent it. */
export function putCard(project, card) {
  replaceCard(project, card.name, () => card);
}

/** Take a card away: its job went to the bin. */
export function dropCard(project, name) {
  const known = projects.value[project];
  if (!known) return;
  const { [name]: _gone, ...cards } = known.cards;
  projects.value = { ...projects.value, [project]: { ...known, cards } };
}

const CHANGES = {
  progress: (card, event) => ({ ...card, progress: { title: event.title, done: event.done, total: event.total } }),
  warning: (card, event) => ({ ...card, warnings: [...(card.warnings ?? []), event.message] }),
  summary: (card, { time, kind, ...figures }) => ({ ...card, summary: { ...card.summary, ...figures } }),
};

listen((name, data) => {
  if (name === "card") putCard(data.p, data.card);
  if (name === "gone") dropCard(data.p, data.job);
  if (name === "anew") readAllAnew();
  if (name === "job") {
    const change = CHANGES[data.event.kind];
    if (change) replaceCard(data.p, data.job, (card) => card && change(card, data.event));
  }
});

function readAllAnew() {
  for (const project of Object.keys(projects.value)) loadProject(project).catch(() => null); // it is lost again: then it will be back again, too
}
