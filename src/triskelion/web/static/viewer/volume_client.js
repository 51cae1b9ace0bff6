/** The page's side of the worker that owns the voxels. */

/** Asks the worker; of questions that follow one another quickly only the newest is asked. */
export class VolumeClient {
  #worker = new Worker(new URL("./volume_worker.js", import.meta.url), { type: "module" });
  #asked = new Map(); // by id: {resolve, reject}
  #channels = new Map(); // by name: {isBusy, next}
  #lastId = 0;

  constructor() {
    this.#worker.onmessage = ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.#asked.get(id);
      this.#asked.delete(id);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    };
    this.#worker.onerror = (event) => this.#rejectAll(new Error(`the contour worker did not start: ${event.message ?? "unknown reason"}`));
  }

  /**
   * Ask the worker for one thing.
   * @param {string} operation name in volume_worker.js
   * @param {object} request
   * @returns {Promise<object>}
   */
  ask(operation, request) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#worker.postMessage({ id, operation, request });
    });
  }

  /**
   * Ask for what a slider shows. While an answer is awaited only the newest request waits; those it replaces answer null.
   * @param {string} channel one for each thing that is drawn
   * @param {string} operation
   * @param {object} request
   * @returns {Promise<object|null>}
   */
  askNewest(channel, operation, request) {
    const state = this.#channels.get(channel) ?? { isBusy: false, next: null };
    this.#channels.set(channel, state);
    return new Promise((resolve, reject) => {
      state.next?.resolve(null);
      state.next = { operation, request, resolve, reject };
      if (!state.isBusy) this.#askNext(state);
    });
  }

  /** End the worker; what was asked is not answered any more. */
  close() {
    this.#worker.terminate();
    this.#asked.clear();
  }

  async #askNext(state) {
    state.isBusy = true;
    while (state.next) {
      const { operation, request, resolve, reject } = state.next;
      state.next = null;
      await this.ask(operation, request).then(resolve, reject);
    }
    state.isBusy = false;
  }

  #rejectAll(error) {
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
  }
}
