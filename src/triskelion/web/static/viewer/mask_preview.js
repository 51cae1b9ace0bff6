/** The mask that two sliders describe, before any job makes it: contours of one map of distances from its base. */

import { effect, signal } from "@preact/signals";
import { get, pathOf, queryOf } from "../lib/api.js";
import { placeInScene } from "./coordinates.js";
import { SurfaceView } from "./surface_view.js";

const KEY = "distances";
const [CORE_COLOR, EDGE_COLOR] = ["#ffd23e", "#56b4e9"];
const [CORE_OPACITY, EDGE_OPACITY] = [0.55, 0.22];
const LEAST_REACH_PX = 30;
const SPARE_REACH = 1.5; // sliders go on a little beyond what was asked for
const SETTLE_MS = 300; // a base is asked for when it has not changed for so long

/** What a mask is made of, its lengths, and its two surfaces: where it is 1, and where it ends. */
export class MaskPreview {
  #client;
  #scene;
  #core;
  #edge;
  #stop = () => {};
  #timer = 0;
  #reach_px = 0;
  #nLoads = 0;

  /** @param {{client: import("./volume_client.js").VolumeClient, scene: import("./scene.js").Scene|null, project: string, job: string}} owner */
  constructor({ client, scene, project, job }) {
    this.#client = client;
    this.#scene = scene;
    this.project = project;
    this.job = job;
    this.base = signal(null); // {output, which?, threshold?}: what the distances are counted from
    this.isShown = signal(false);
    this.dilation_px = signal(5);
    this.padding_px = signal(17);
    this.suggestion = signal(null); // {dilation_px, soft_padding_px, reason}
    this.header = signal(null);
    this.waitingFor = signal("");
    this.problem = signal(null);
    this.contour_ms = signal(null);
  }

  /** Begin to follow the sliders and the base. */
  start() {
    if (this.#scene) [this.#core, this.#edge] = [CORE_COLOR, EDGE_COLOR].map(() => new SurfaceView(this.#scene));
    this.#core?.setLook({ color: CORE_COLOR, opacity: CORE_OPACITY, isVisible: false });
    this.#edge?.setLook({ color: EDGE_COLOR, opacity: EDGE_OPACITY, isVisible: false });
    const stops = [
      effect(() => this.#followBase(this.base.value, this.isShown.value)),
      effect(() => this.#draw(this.header.value, this.isShown.value, this.dilation_px.value, this.padding_px.value)),
    ];
    this.#stop = () => stops.forEach((stop) => stop());
  }

  /**
   * Ask what dilation and padding suit the resolution of the map; takes them unless the lengths are given.
   * @param {string} output which map of the job
   * @param {boolean} takesLengths
   */
  async suggest(output, takesLengths) {
    const suggestion = await get(`${pathOf("p", this.project, "suggest", "padding")}${queryOf({ job: this.job, output })}`);
    this.suggestion.value = suggestion;
    if (!takesLengths) return;
    this.dilation_px.value = roundUp(suggestion.dilation_px);
    this.padding_px.value = roundUp(suggestion.soft_padding_px);
  }

  /** Take it out of the viewer. */
  close() {
    clearTimeout(this.#timer);
    this.#stop();
    this.#core?.close();
    this.#edge?.close();
  }

  #followBase(base, isShown) {
    clearTimeout(this.#timer);
    if (!base || !isShown) return;
    this.waitingFor.value = "distances from the base";
    this.#timer = setTimeout(() => this.#load(base), SETTLE_MS);
  }

  async #load({ output, which, threshold }) {
    const load = ++this.#nLoads;
    const reach_px = Math.max(LEAST_REACH_PX, Math.ceil(SPARE_REACH * (this.dilation_px.peek() + this.padding_px.peek())));
    const url = `/api${pathOf("p", this.project, "j", this.job, "distance", output)}${queryOf({ which, threshold, reach_px })}`;
    try {
      const { header } = await this.#client.ask("loadDistances", { key: KEY, url });
      if (load !== this.#nLoads) return;
      this.#reach_px = reach_px;
      this.problem.value = null;
      this.header.value = header;
    } catch (error) {
      if (load !== this.#nLoads) return;
      this.header.value = null;
      this.problem.value = error.message;
    }
    this.waitingFor.value = "";
  }

  async #draw(header, isShown, dilation_px, padding_px) {
    const isDrawn = Boolean(header && isShown);
    this.#core?.setLook({ isVisible: isDrawn });
    this.#edge?.setLook({ isVisible: isDrawn && padding_px > 0 });
    if (!isDrawn || !this.#core) return;
    if (dilation_px + padding_px > this.#reach_px) {
      this.#followBase(this.base.peek(), isShown);
      return;
    }
    const surfaces = await Promise.all([
      this.#client.askNewest("mask core", "contourDistance", { key: KEY, distance_px: dilation_px, style: "surface" }),
      this.#client.askNewest("mask edge", "contourDistance", { key: KEY, distance_px: dilation_px + padding_px, style: "surface" }),
    ]);
    surfaces.forEach((surface, i) => surface && [this.#core, this.#edge][i].show(surface, placeInScene(surface.frame), "surface"));
    if (surfaces.every(Boolean)) this.contour_ms.value = surfaces[0].milliseconds + surfaces[1].milliseconds;
  }
}

/** To half a px, and never below what was recommended. */
function roundUp(length_px) {
  return Math.ceil(2 * length_px) / 2;
}
