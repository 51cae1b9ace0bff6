/** What people do to regions, with the key that does the same: one table for the buttons, the keyboard and the help. */

import { listRegions, listShown } from "./regions.js";

const someSelected = (state) => state.selected.size > 0;
const someHidden = (state) => state.hidden.size > 0;
const groups = (state) => [...state.selected].filter((region) => [...state.parent.values()].includes(region));

/**
 * @typedef {object} RegionAction
 * @property {string} title
 * @property {string} key as people type it
 * @property {string} help
 * @property {(history: import("./regions.js").RegionHistory) => boolean} isPossible
 * @property {(editor: import("./region_editor.js").RegionEditor, state: import("./regions.js").RegionState) => Promise<void>} run
 * @type {RegionAction[]}
 */
export const REGION_ACTIONS = [
  {
    title: "Hide",
    key: "h",
    help: "Hide the selected regions",
    isPossible: ({ state }) => someSelected(state),
    run: (editor, state) => editor.edit("hide", state.selected),
  },
  {
    title: "Show all",
    key: "a",
    help: "Show all hidden regions",
    isPossible: ({ state }) => someHidden(state),
    run: (editor, state) => editor.edit("show", state.hidden),
  },
  {
    title: "Only",
    key: "o",
    help: "Show the selected regions only",
    isPossible: ({ state }) => someSelected(state),
    run: (editor, state) => editor.edit("show_only", state.selected),
  },
  {
    title: "Invert",
    key: "i",
    help: "Select the shown regions that are not selected, instead of those that are",
    isPossible: ({ state }) => listShown(state).length > 0,
    run: (editor) => editor.edit("invert"),
  },
  {
    title: "Group",
    key: "g",
    help: "Make one region of the selected ones",
    isPossible: ({ state }) => state.selected.size > 1,
    run: (editor, state) => editor.edit("group", state.selected),
  },
  {
    title: "Ungroup",
    key: "u",
    help: "Take the selected groups apart, one level",
    isPossible: ({ state }) => groups(state).length > 0,
    run: (editor, state) => editor.edit("ungroup", groups(state)),
  },
  {
    title: "Delete",
    key: "Delete",
    help: "Take the selected regions out: their density belongs to none",
    isPossible: ({ state }) => someSelected(state),
    run: (editor, state) => editor.edit("delete", state.selected),
  },
  {
    title: "Undo",
    key: "Ctrl+z",
    help: "Return to before the last edit",
    isPossible: ({ past }) => past.length > 0,
    run: (editor) => editor.edit("undo"),
  },
  {
    title: "Redo",
    key: "Ctrl+Shift+z",
    help: "Do again what was undone last",
    isPossible: ({ future }) => future.length > 0,
    run: (editor) => editor.edit("redo"),
  },
  {
    title: "Select none",
    key: "Escape",
    help: "Select nothing",
    isPossible: ({ state }) => someSelected(state),
    run: (editor, state) => editor.edit("deselect", state.selected),
  },
  {
    title: "Select all",
    key: "Ctrl+a",
    help: "Select all shown regions",
    isPossible: ({ state }) => state.selected.size < listRegions(state).length,
    run: (editor, state) => editor.edit("add", listShown(state)),
  },
];

/**
 * Do one of these, where it is possible.
 * @param {import("./region_editor.js").RegionEditor} editor
 * @param {RegionAction} action
 */
export function runRegionAction(editor, action) {
  const history = editor.history.peek();
  if (history && action.isPossible(history)) action.run(editor, history.state);
}
