/** Keys that work on every screen. They stay silent while someone types. */
import { signal } from "@preact/signals";
import { go, route } from "./router.js";
import { isReadOnly } from "./store.js";

/** Whether the list of keys is shown. */
export const showsKeys = signal(false);

/** What the keys do, for people. */
export const KEYS = [
  ["/", "search jobs"],
  ["n", "new job"],
  ["p", "the jobs of the project"],
  ["v", "look at the job's maps"],
  ["?", "this list"],
  ["Esc", "close what is open"],
];

const isTyping = (target) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

const ACTIONS = {
  "/": () => document.querySelector("#search")?.focus(),
  "?": () => {
    showsKeys.value = true;
  },
  n: (project) => project && !isReadOnly.value && go(["p", project, "new"]),
  p: (project) => project && go(["p", project]),
  v: (project, place, name) => place === "j" && go(["p", project, "view", name]),
};

/** Begin to hear keys. The viewer has its own, which take precedence where it is shown. */
export function startKeys() {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const [, project, place, name] = route.value.parts;
    if (place === "view" && event.key !== "?") return;
    const act = ACTIONS[event.key];
    if (!act) return;
    event.preventDefault();
    act(project, place, name);
  });
}
