/** A map in the viewer: fetched binned first, contoured whenever its level, style or data change. */

import { computed, effect, signal } from "@preact/signals";
import { pathOf, queryOf } from "../lib/api.js";
import { boxRadius, frameOfHeader, placeInScene } from "./coordinates.js";
import { SurfaceView } from "./surface_view.js";

const BINS = [2, 1]; // a binned map is an eighth of the data: it is there, and can be looked at, while the full one comes
const LEVEL_OF_MASK = 0.5;

/** One map or mask: what it is, how it looks, and the surface of it in the scene. */
export class ShownMap {
  #client;
  #scene;
  #stop = () => {};
  #isClosed = false;
  #nLoads = 0;
  #isFramed = false; // whether the camera knows of it

  /**
   * @param {object} owner
   * @param {import("./volume_client.js").VolumeClient} owner.client
   * @param {import("./scene.js").Scene|null} owner.scene null where the browser draws no 3D: slices still work
   * @param {{project: string, job: string, name: string, kind?: string, title?: string}} source which map of which job
   * @param {object} look level (a density; null for the suggested one), color, opacity, style, isVisible, sdev_A of a Gaussian preview
   */
  constructor({ client, scene }, source, { level = null, color, opacity = 1, style = "surface", isVisible = true, sdev_A = 0 }) {
    this.#client = client;
    this.#scene = scene;
    this.source = source;
    this.key = `${source.job}.${source.name}`;
    this.title = source.title ?? this.key;
    this.view = scene && new SurfaceView(scene);
    this.header = signal(null);
    this.level = signal(level);
    this.color = signal(color);
    this.opacity = signal(opacity);
    this.style = signal(style);
    this.isVisible = signal(isVisible);
    this.sdev_A = signal(sdev_A);
    this.waitingFor = signal(""); // in words, "" for nothing
    this.problem = signal(null);
    this.contoured = signal({ milliseconds: null, nFaces: 0, bin: null });
    this.frame = computed(() => (this.header.value ? frameOfHeader(this.header.value) : null));
  }

  /** Draw the map as long as it is in the view; it is fetched when it is first to be seen. */
  start() {
    const stops = [
      effect(() => this.isVisible.value && this.want()),
      effect(() => this.view?.setLook({ color: this.color.value, opacity: this.opacity.value, isVisible: this.isVisible.value })),
      effect(() => this.#contour(this.header.value, this.level.value, this.style.value, this.isVisible.value)),
    ];
    this.#stop = () => stops.forEach((stop) => stop());
  }

  /** Fetch the map unless that was done: slices may show one whose surface is hidden. */
  want() {
    if (this.#nLoads === 0) this.#load();
  }

  /** Blur the map with a Gaussian; 0 shows it as it is. @param {number} sdev_A @returns {Promise<void>} */
  async blur(sdev_A) {
    if (sdev_A === this.sdev_A.peek()) return;
    this.sdev_A.value = sdev_A;
    await this.#load();
  }

  /** Take it out of the viewer. */
  close() {
    this.#isClosed = true;
    this.#stop();
    this.view?.close();
    this.#client.ask("drop", { key: this.key }).catch(() => {}); // the worker may have ended before
  }

  async #load() {
    const load = ++this.#nLoads;
    const isOld = () => this.#isClosed || load !== this.#nLoads;
    try {
      for (const bin of BINS) {
        this.waitingFor.value = bin === 1 ? "the map at full resolution" : "the map";
        const { header } = await this.#client.ask("loadMap", { key: this.key, url: this.#url(bin) });
        if (isOld()) return;
        this.problem.value = null;
        this.#take(header);
      }
    } catch (error) {
      if (!isOld()) this.problem.value = `${this.title}: ${error.message}`;
    }
    if (!isOld()) this.waitingFor.value = "";
  }

  #url(bin) {
    const { project, job, name } = this.source;
    const sdev_A = this.sdev_A.peek() || null;
    return `/api${pathOf("p", project, "j", job, sdev_A ? "smooth" : "volume", name)}${queryOf({ bin, sdev_A })}`;
  }

  #take(header) {
    if (this.level.peek() === null) this.level.value = this.source.kind === "mask" ? LEVEL_OF_MASK : header.suggested_level;
    this.header.value = header;
  }

  async #contour(header, level, style, isVisible) {
    if (!header || !isVisible || !this.view) return;
    try {
      const surface = await this.#client.askNewest(`map ${this.key}`, "contour", { key: this.key, density: level, style });
      if (!surface || this.#isClosed) return;
      this.view.show(surface, placeInScene(surface.frame), style);
      if (!this.#isFramed) this.#scene.include(boxRadius(header), this.view.reach_A);
      this.#isFramed = true;
      this.contoured.value = { milliseconds: surface.milliseconds, nFaces: this.view.nFaces, bin: surface.frame.bin };
    } catch (error) {
      this.problem.value = `${this.title}: ${error.message}`;
    }
  }
}
