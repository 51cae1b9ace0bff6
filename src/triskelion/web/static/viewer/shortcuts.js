/** The keys of the viewer. */

import { REGION_ACTIONS, runRegionAction } from "./region_actions.js";
import { TOOLS } from "./viewer.js";

/** Keys beside those of regions: what they do, in words and in deed. */
export const VIEW_KEYS = [
  { key: "f", help: "Place the fulcrum with the next click", run: (viewer) => (viewer.tool.value = TOOLS.fulcrum) },
  { key: "b", help: "Draw a box round regions to select them", run: (viewer) => (viewer.tool.value = TOOLS.box) },
  { key: "s", help: "Show or hide the slices", run: (viewer) => (viewer.hasSlices.value = !viewer.hasSlices.peek()) },
  { key: "m", help: "Show or hide the mask", run: (viewer) => (viewer.mask.isShown.value = !viewer.mask.isShown.peek()) },
  { key: "0", help: "Show everything again", run: (viewer) => viewer.scene?.fit() },
];

/** What the pointer does, for the help. */
export const POINTER_HELP = [
  ["Drag, arrow keys", "Turn"],
  ["Shift or right drag", "Move"],
  ["Wheel, + and −", "Come nearer, go away"],
  ["Click", "Select a region; on a map, move the cross-hair there"],
  ["Ctrl click", "Select a region too, or no more"],
  ["Ctrl drag", "Select regions with a box; with Shift, those too"],
];

const TYPING = "input:not([type=range]):not([type=checkbox]):not([type=color]), select, textarea, [contenteditable]";

/** The name of a key with what is held down: "Ctrl+Shift+z". @param {KeyboardEvent} event @returns {string} */
export function nameKey(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const isLetter = /^[a-z]$/.test(key);
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.shiftKey && isLetter ? "Shift+" : ""}${key === "Backspace" ? "Delete" : key}`;
}

/**
 * Listen to keys, but not to those that are typed into a field.
 * @param {import("./viewer.js").Viewer} viewer
 * @returns {() => void} stops listening
 */
export function attachShortcuts(viewer) {
  const onKey = (event) => {
    if (event.target.closest?.(TYPING) || event.target.closest?.("dialog") || event.altKey) return;
    const name = nameKey(event) === "Ctrl+y" ? "Ctrl+Shift+z" : nameKey(event);
    if (name === "Escape" && viewer.tool.peek() !== TOOLS.select) {
      viewer.tool.value = TOOLS.select;
      return;
    }
    const action = REGION_ACTIONS.find(({ key }) => key === name);
    const view = VIEW_KEYS.find(({ key }) => key === name);
    if (!view && !(action && viewer.regions.peek())) return;
    event.preventDefault();
    if (view) view.run(viewer);
    else runRegionAction(viewer.regions.peek(), action);
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}
