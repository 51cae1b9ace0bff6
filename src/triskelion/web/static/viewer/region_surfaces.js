/** The regions of a segmentation as closed surfaces: contoured once for each set of leaves, then only shown, hidden and coloured. */

import { effect, signal } from "@preact/signals";
import { pathOf } from "../lib/api.js";
import { colorOfRegion } from "./colors.js";
import { boxRadius, densityToUnits, frameOfHeader, placeInScene } from "./coordinates.js";
import { listShown } from "./regions.js";
import { SurfaceView } from "./surface_view.js";

const MAP_KEY = "segmented"; // the density the regions were cut out of, blurred as it was then
const LABELS_KEY = "labels";
const OUTLINE = "#ffd23e";
const EVERY = 7; // vertex is looked at when a box is drawn round regions

/** Keeps the surfaces in the scene as the editor has the regions. */
export class RegionSurfaces {
  #client;
  #scene;
  #editor;
  #kept = new Map(); // by the leaves of a region, which stay the same through undo and redo: {view, isReady}
  #stop = () => {};
  #asked = 0; // surfaces that are awaited
  #density = 0; // that regions reach
  #level = 0; // the same in units of the grid

  /**
   * @param {object} owner
   * @param {import("./volume_client.js").VolumeClient} owner.client
   * @param {import("./scene.js").Scene|null} owner.scene
   * @param {import("./region_editor.js").RegionEditor} editor
   */
  constructor({ client, scene }, editor) {
    this.#client = client;
    this.#scene = scene;
    this.#editor = editor;
    this.isVisible = signal(true);
    this.header = signal(null);
    this.nVoxels = signal(null); // of each leaf
    this.nDrawn = signal(0);
    this.waitingFor = signal("");
  }

  /** How the regions lie in their map; null before they are loaded. */
  get frame() {
    return this.header.peek() && frameOfHeader(this.header.peek());
  }

  /** Fetch density and labels, draw the regions. @param {string} project @returns {Promise<void>} */
  async start(project) {
    this.waitingFor.value = "the regions";
    const job = pathOf("p", project, "j", this.#editor.job);
    const [map, labels] = await Promise.all([
      this.#client.ask("loadMap", { key: MAP_KEY, url: `/api${job}/volume/segmented?bin=1` }),
      this.#client.ask("loadLabels", { key: LABELS_KEY, url: `/api${job}/labels` }),
      this.#editor.load(),
    ]);
    this.#density = labels.header.level;
    this.#level = Math.round(densityToUnits(map.header, this.#density));
    this.nVoxels.value = labels.nVoxels;
    this.header.value = map.header;
    this.waitingFor.value = "";
    this.#stop = effect(() => this.#follow(this.#editor.state.value, this.isVisible.value));
  }

  /** What a pick looks at: the density of the shown regions. @returns {object} */
  pickTarget() {
    const { state, regionOfLeaf } = this.#editor;
    const shownLeaves = Uint8Array.from(regionOfLeaf.peek(), (region) => (region !== 0 && !state.peek().hidden.has(region) ? 1 : 0));
    return { key: MAP_KEY, density: this.#density, labelsKey: LABELS_KEY, shownLeaves };
  }

  /**
   * The shown regions of which something lies in a rectangle of the canvas.
   * @param {{left: number, top: number, right: number, bottom: number}} box in px of the canvas
   * @returns {number[]}
   */
  findInBox({ left, top, right, bottom }) {
    const project = this.#scene.projection();
    const isInBox = (point) => {
      const [x, y] = project(...point) ?? [NaN, NaN];
      return x >= left && x <= right && y >= top && y <= bottom;
    };
    return listShown(this.#editor.state.peek()).filter((region) => {
      for (const point of this.#viewOf(region)?.points(EVERY) ?? []) if (isInBox(point)) return true;
      return false;
    });
  }

  /** Take all of it out of the viewer. */
  close() {
    this.#stop();
    for (const view of this.#views()) view.close();
  }

  #viewOf(region) {
    return this.#kept.get(this.#editor.membersOf.peek().get(region)?.join())?.view;
  }

  #follow(state, isVisible) {
    if (!this.#scene) return;
    const drawn = new Set();
    for (const [region, leaves] of this.#editor.membersOf.peek()) {
      const key = leaves.join();
      const isShown = isVisible && !state.hidden.has(region);
      if (isShown && !this.#kept.has(key)) this.#contour(key, leaves);
      const kept = this.#kept.get(key);
      if (!kept) continue;
      drawn.add(key);
      kept.view.setLook({ color: colorOfRegion(region), isVisible: isShown, outline: state.selected.has(region) ? OUTLINE : null });
    }
    // what is part of a group now, or deleted, waits for undo
    for (const [key, { view }] of this.#kept) if (!drawn.has(key)) view.setLook({ isVisible: false });
    this.#count();
  }

  async #contour(key, leaves) {
    const kept = { view: new SurfaceView(this.#scene), isReady: false };
    this.#kept.set(key, kept);
    this.#asked++;
    const surface = await this.#client.ask("contourRegion", { key: MAP_KEY, labelsKey: LABELS_KEY, leaves, level: this.#level, style: "surface" });
    kept.view.show(surface, placeInScene(this.frame, surface.origin), "surface");
    this.#asked--;
    if (this.#asked === 0) this.#scene.include(boxRadius(this.header.peek()), Math.max(...this.#views().map((view) => view.reach_A)));
    kept.isReady = true;
    this.#count();
  }

  #views() {
    return [...this.#kept.values()].map(({ view }) => view);
  }

  #count() {
    this.nDrawn.value = [...this.#kept.values()].filter(({ view, isReady }) => isReady && view.isVisible).length;
  }
}
