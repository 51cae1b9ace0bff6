/**
 * The regions of a segmentation as people edit them: states that follow from one another, and a history that undo and redo walk through.
 *
 * Nothing here knows of pages or drawings. The rules are those of masks/regions.py, edit by edit: the server keeps the list of edits, and whoever
 * replays it comes to the same regions.
 */

const RESERVED_NAMES = ["all", "shown", "hidden", "selected", "but", "within", "largest", "inside", "none"];
const NAME = /^[\p{L}\p{Nl}\p{No}_][\p{L}\p{N}_.-]*$/u;

/** An edit that does not fit the regions there are. */
export class RegionError extends Error {}

/**
 * What somebody did.
 * @typedef {{verb: string, regions: number[], name?: string|null, level?: number|null}} Edit
 *
 * The regions as they are after an edit; never changed, only replaced.
 * @typedef {object} RegionState
 * @property {Map<number, number>} parent for each node the group that it belongs to, 0 for a region
 * @property {Map<number, number>} step for each node the smoothing step at which it formed
 * @property {Map<number, string>} names
 * @property {Set<number>} hidden regions
 * @property {Set<number>} selected regions; none is hidden too
 * @property {number} nextNumber of the next group
 *
 * The state, those before it that undo returns to, and those that redo goes on to.
 * @typedef {{state: RegionState, past: RegionState[], future: RegionState[]}} RegionHistory
 */

/**
 * The history before any edit.
 * @param {{parent: number[], step: number[], names: Object<string, string>}} tree of the segmentation; entry 0 of the arrays means nothing
 * @returns {RegionHistory}
 */
export function startHistory({ parent, step, names }) {
  const byNode = (values) => new Map(values.map((value, node) => [node, value]).slice(1));
  const named = new Map(Object.entries(names).map(([node, name]) => [Number(node), name]));
  const state = { parent: byNode(parent), step: byNode(step), names: named, hidden: new Set(), selected: new Set(), nextNumber: parent.length };
  return { state, past: [], future: [] };
}

/**
 * The history after one more edit; the same object where it changes nothing.
 * @param {RegionHistory} history
 * @param {Edit} edit
 * @returns {RegionHistory}
 * @throws {RegionError} it does not fit, or there is nothing to undo or redo
 */
export function applyEdit(history, edit) {
  const { state, past, future } = history;
  if (edit.verb === "undo") {
    if (!past.length) throw new RegionError("there is nothing to undo");
    return { state: past.at(-1), past: past.slice(0, -1), future: [state, ...future] };
  }
  if (edit.verb === "redo") {
    if (!future.length) throw new RegionError("there is nothing to redo");
    return { state: future[0], past: [...past, state], future: future.slice(1) };
  }
  requireRegions(state, edit.regions);
  const after = ACTIONS[edit.verb](state, edit);
  return isSameState(state, after) ? history : { state: after, past: [...past, state], future: [] };
}

/**
 * The history that a list of edits makes.
 * @param {object} tree as for startHistory
 * @param {Edit[]} edits
 * @returns {RegionHistory}
 */
export function replayEdits(tree, edits) {
  return edits.reduce(applyEdit, startHistory(tree));
}

/** The nodes that belong to no group, ascending. @param {RegionState} state @returns {number[]} */
export function listRegions(state) {
  return [...state.parent].filter(([, above]) => above === 0).map(([node]) => node).sort((a, b) => a - b);
}

/** The regions that are not hidden, ascending. @param {RegionState} state @returns {number[]} */
export function listShown(state) {
  return listRegions(state).filter((region) => !state.hidden.has(region));
}

/** What a mask base holds: the selected regions, or all shown ones where none is. @param {RegionState} state @returns {number[]} */
export function listChosen(state) {
  return state.selected.size ? [...state.selected].sort((a, b) => a - b) : listShown(state);
}

/** The region that a node is part of. @param {RegionState} state @param {number} node @returns {number} */
export function regionOf(state, node) {
  while (state.parent.get(node) !== 0) node = state.parent.get(node);
  return node;
}

/**
 * The region that each leaf is part of, 0 for deleted ones and for entry 0.
 * @param {RegionState} state
 * @param {number} nLeaves
 * @returns {Int32Array} of nLeaves + 1 entries
 */
export function regionOfLeaf(state, nLeaves) {
  return Int32Array.from({ length: nLeaves + 1 }, (_, leaf) => (state.parent.has(leaf) ? regionOf(state, leaf) : 0));
}

function requireRegions(state, regions) {
  for (const number of regions) {
    if (!state.parent.has(number)) throw new RegionError(`there is no region ${number}: it never was, or was deleted or taken apart`);
    if (state.parent.get(number) !== 0) {
      const region = regionOf(state, number);
      throw new RegionError(`${number} is part of region ${region}: give ${region}, or ungroup it first`);
    }
  }
}

function requireName(name) {
  if (!NAME.test(name) || RESERVED_NAMES.includes(name.toLowerCase())) {
    throw new RegionError(
      `"${name}" cannot name a region: wanted one word that begins with a letter (letters, digits, - . _), and none of ${RESERVED_NAMES.join(", ")}`,
    );
  }
}

const union = (first, second) => new Set([...first, ...second]);
const without = (first, second) => new Set([...first].filter((number) => !second.has(number)));
const isSubset = (first, second) => [...first].every((number) => second.has(number));
const only = (map, keep) => new Map([...map].filter(([node]) => keep(node)));

function select(state, { regions }) {
  const chosen = new Set(regions);
  return { ...state, selected: chosen, hidden: without(state.hidden, chosen) };
}

function add(state, { regions }) {
  const chosen = new Set(regions);
  return { ...state, selected: union(state.selected, chosen), hidden: without(state.hidden, chosen) };
}

function deselect(state, { regions }) {
  return { ...state, selected: without(state.selected, new Set(regions)) };
}

function hide(state, { regions }) {
  const gone = new Set(regions);
  return { ...state, hidden: union(state.hidden, gone), selected: without(state.selected, gone) };
}

function show(state, { regions }) {
  return { ...state, hidden: without(state.hidden, new Set(regions)) };
}

function showOnly(state, { regions }) {
  const shown = new Set(regions);
  const selected = new Set([...state.selected].filter((number) => shown.has(number)));
  return { ...state, hidden: without(new Set(listRegions(state)), shown), selected };
}

function invert(state) {
  return { ...state, selected: without(new Set(listShown(state)), state.selected) };
}

function group(state, { regions, name }) {
  const members = new Set(regions);
  if (members.size < 2) throw new RegionError(`a group wants two regions or more, got ${members.size}`);
  if (name) requireName(name);
  const number = state.nextNumber;
  const joined = (numbers) => (isSubset(members, numbers) ? without(numbers, members).add(number) : without(numbers, members));
  return {
    parent: new Map([...state.parent, ...[...members].map((member) => [member, number]), [number, 0]]),
    step: new Map([...state.step, [number, Math.max(...[...members].map((member) => state.step.get(member)))]]),
    names: name ? new Map([...state.names, [number, name]]) : state.names,
    hidden: joined(state.hidden),
    selected: joined(state.selected),
    nextNumber: number + 1,
  };
}

function ungroup(state, { regions, level = null }) {
  const chosen = new Set(regions);
  const groups = new Set([...state.parent.values()].filter((above) => above !== 0));
  // a group never formed before its members, so those that go are the upper part of the tree
  const goes = (node) => (level === null ? chosen.has(node) : state.step.get(node) > level && chosen.has(regionOf(state, node)));
  const gone = new Set([...groups].filter(goes));
  if (!gone.size) {
    const formed = level === null ? "" : ` that formed after smoothing step ${level}`;
    throw new RegionError(`none of the regions ${regions.join(", ") || "(none)"} is a group${formed}`);
  }
  const freed = [...state.parent].filter(([node, above]) => gone.has(above) && !gone.has(node)).map(([node]) => [node, regionOf(state, node)]);
  const isFreed = new Set(freed.map(([node]) => node));
  const freedOf = (numbers) => new Set(freed.filter(([, region]) => numbers.has(region)).map(([node]) => node));
  return {
    parent: new Map([...state.parent].filter(([node]) => !gone.has(node)).map(([node, above]) => [node, isFreed.has(node) ? 0 : above])),
    step: only(state.step, (node) => !gone.has(node)),
    names: only(state.names, (node) => !gone.has(node)),
    hidden: union(without(state.hidden, gone), freedOf(state.hidden)),
    selected: union(without(state.selected, gone), freedOf(state.selected)),
    nextNumber: state.nextNumber,
  };
}

function rename(state, { regions, name }) {
  if (regions.length !== 1) throw new RegionError(`a name is given to one region, got ${regions.length}: group them first`);
  const names = only(state.names, (node) => node !== regions[0]);
  if (!name) return { ...state, names };
  requireName(name);
  return { ...state, names: names.set(regions[0], name) };
}

function remove(state, { regions }) {
  const gone = new Set(regions);
  const left = new Set([...state.parent.keys()].filter((node) => !gone.has(regionOf(state, node))));
  return {
    parent: only(state.parent, (node) => left.has(node)),
    step: only(state.step, (node) => left.has(node)),
    names: only(state.names, (node) => left.has(node)),
    hidden: without(state.hidden, gone),
    selected: without(state.selected, gone),
    nextNumber: state.nextNumber,
  };
}

const ACTIONS = { select, add, deselect, hide, show, show_only: showOnly, invert, group, ungroup, rename, delete: remove };

function isSameState(first, second) {
  const isSameMap = (a, b) => a === b || (a.size === b.size && [...a].every(([key, value]) => b.get(key) === value && b.has(key)));
  const isSameSet = (a, b) => a === b || (a.size === b.size && isSubset(a, b));
  return (
    first.nextNumber === second.nextNumber &&
    isSameMap(first.parent, second.parent) &&
    isSameMap(first.step, second.step) &&
    isSameMap(first.names, second.names) &&
    isSameSet(first.hidden, second.hidden) &&
    isSameSet(first.selected, second.selected)
  );
}
