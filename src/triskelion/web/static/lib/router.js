/** Where the page is: everything that a link can say stands in the hash, so a reload or a copied address shows the same. */
import { signal } from "@preact/signals";

/**
 * Take a hash apart: `#/p/demo/j/J5?iteration=3` has the parts ["p", "demo", "j", "J5"] and the query {iteration: "3"}.
 * @param {string} hash
 */
export function parseHash(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  return { parts: path.split("/").filter(Boolean).map(decode), query: Object.fromEntries(new URLSearchParams(query)) };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a stray % typed by hand: the name as it stands is then unknown, and the page says so
  }
}

/**
 * Write the hash of a place, the inverse of `parseHash`.
 * @param {string[]} parts
 * @param {Record<string, any>} [query] entries that are null or undefined are left out
 */
export function hashOf(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  const text = given.length ? `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}` : "";
  return `#/${parts.map(encodeURIComponent).join("/")}${text}`;
}

/** The place shown now; `visit` counts the times one came to a place, so that the same link followed twice starts a form anew. */
export const route = signal({ ...parseHash(location.hash), visit: 0 });

addEventListener("hashchange", () => {
  route.value = { ...parseHash(location.hash), visit: route.value.visit + 1 };
  scrollTo(0, 0);
});

/** Go to a place, as a link does. */
export function go(parts, query) {
  location.hash = hashOf(parts, query);
}

/**
 * Change the query of the place without a step in the history: a slider would fill it.
 * @param {Record<string, any>} changes null takes an entry out
 */
export function changeQuery(changes) {
  const { parts, query } = parseHash(location.hash);
  const changed = { ...query, ...changes };
  history.replaceState(null, "", hashOf(parts, changed));
  route.value = { ...parseHash(location.hash), visit: route.value.visit };
}

/** The places of a project. */
export const places = {
  home: () => hashOf([]),
  project: (project, query) => hashOf(["p", project], query),
  workspace: (project, workspace, query) => hashOf(["p", project, "w", workspace], query),
  bin: (project) => hashOf(["p", project, "bin"]),
  disk: (project) => hashOf(["p", project, "disk"]),
  choose: (project, query) => hashOf(["p", project, "new"], query),
  build: (project, type, query) => hashOf(["p", project, "new", type], query),
  job: (project, job, query) => hashOf(["p", project, "j", job], query),
  view: (project, job, query) => hashOf(["p", project, "view", job], query),
  compare: (project, jobs) => hashOf(["p", project, "compare", jobs.join(",")]).replaceAll("%2C", ","),
};
