/** The regions of a segmentation job, edited at once in the page and kept by the server, whose list of edits is the truth. */

import { computed, signal } from "@preact/signals";
import { get, pathOf, post } from "../lib/api.js";
import { applyEdit, listChosen, regionOfLeaf, RegionError, replayEdits } from "./regions.js";

const CONFLICT = 409;

/** History of the regions, and what the server was told of it. */
export class RegionEditor {
  #path;
  #waiting = Promise.resolve();
  #nReloads = 0;

  /** @param {string} project @param {string} job of the segmentation */
  constructor(project, job) {
    this.#path = pathOf("p", project, "j", job, "regions");
    this.job = job;
    this.history = signal(null);
    this.nLeaves = 0;
    this.problem = signal(null);
    this.isSaving = signal(false);
    this.nEdits = signal(0); // that the server has
    this.state = computed(() => this.history.value?.state ?? null);
    this.regionOfLeaf = computed(() => (this.state.value ? regionOfLeaf(this.state.value, this.nLeaves) : null));
    this.membersOf = computed(() => groupLeaves(this.regionOfLeaf.value));
    this.chosen = computed(() => (this.state.value ? listChosen(this.state.value) : []));
  }

  /** Read the regions from the server, edits of other programs among them. */
  async load() {
    this.#take(await get(this.#path));
  }

  /**
   * Edit the regions: at once here, then on the server, one edit after the other.
   * @param {string} verb as in regions.js
   * @param {Iterable<number>} [regions]
   * @param {{name?: string, level?: number}} [more]
   * @returns {Promise<void>} when the server has it
   */
  edit(verb, regions = [], more = {}) {
    const edit = { verb, regions: [...regions].sort((a, b) => a - b), ...more };
    try {
      const after = applyEdit(this.history.peek(), edit);
      if (after === this.history.peek()) return this.#waiting;
      this.history.value = after;
      this.problem.value = null;
    } catch (error) {
      if (!(error instanceof RegionError)) throw error;
      this.problem.value = error.message;
      return this.#waiting;
    }
    this.isSaving.value = true;
    const madeAfter = this.#nReloads;
    const sent = this.#waiting.then(() => (madeAfter === this.#nReloads ? this.#send(edit) : undefined));
    this.#waiting = sent;
    return sent.finally(() => (this.isSaving.value = this.#waiting !== sent));
  }

  /** When all edits so far are on the server. @returns {Promise<void>} */
  settled() {
    return this.#waiting;
  }

  async #send({ verb, regions, name, level }) {
    try {
      await post(`${this.#path}?brief=true`, { verb, which: regions.length ? regions.join(",") : null, name, level, expect: this.nEdits.peek() });
      this.nEdits.value++;
    } catch (error) {
      this.#nReloads++; // edits that wait were made on what the server does not have: they go with this one
      const why = error.status === CONFLICT ? "The regions were edited elsewhere at the same time: they are shown as they are now." : error.message;
      await this.load().catch(() => {}); // the message below says what is wrong
      this.problem.value = why;
    }
  }

  #take({ edits, tree }) {
    this.nLeaves = tree.n_leaves;
    this.nEdits.value = edits.length;
    this.history.value = replayEdits(tree, edits);
  }
}

/** Leaves of each region. */
function groupLeaves(regions) {
  const members = new Map();
  regions?.forEach((region, leaf) => {
    if (region === 0) return;
    if (!members.has(region)) members.set(region, []);
    members.get(region).push(leaf);
  });
  return members;
}
