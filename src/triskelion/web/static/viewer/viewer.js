/** What one view holds: maps, regions, mask, fulcrum, and the scene they share. The panels show it and change it. */

import { computed, effect, signal } from "@preact/signals";
import { get, pathOf } from "../lib/api.js";
import { makeCamera } from "./camera.js";
import { colorOfMap } from "./colors.js";
import { pxToScene } from "./coordinates.js";
import { FulcrumMarker } from "./fulcrum_marker.js";
import { MaskPreview } from "./mask_preview.js";
import { listMovies } from "./motion_player.js";
import { RegionEditor } from "./region_editor.js";
import { RegionSurfaces } from "./region_surfaces.js";
import { Scene } from "./scene.js";
import { ShownMap } from "./shown_map.js";
import { VolumeClient } from "./volume_client.js";

/** What a click in the scene does. */
export const TOOLS = { select: "select", box: "box", fulcrum: "fulcrum" };
const SEGMENTED = "segmented"; // the map that regions were cut out of
const TRANSPARENT = 0.35;

/** The state of one view, in signals. */
export class Viewer {
  #marker = null;
  #stop = () => {};

  /**
   * @param {{project: string, job: string, canvas: HTMLCanvasElement, state: import("./view_state.js").ViewState}} place
   */
  constructor({ project, job, canvas, state }) {
    this.project = project;
    this.job = job;
    this.client = new VolumeClient();
    this.camera = makeCamera();
    if (state.camera) this.camera.value = state.camera;
    this.problem = signal(null);
    this.scene = this.#makeScene(canvas);
    this.card = signal(null);
    this.volumes = signal([]); // what the job can show
    this.maps = signal([]);
    this.regions = signal(null); // RegionEditor of a segmentation
    this.surfaces = null;
    this.tool = signal(TOOLS.select);
    this.fulcrum_px = signal(state.fulcrum_px);
    this.crosshair_px = signal(state.crosshair_px);
    this.hasSlices = signal(state.hasSlices);
    this.mask = new MaskPreview({ client: this.client, scene: this.scene, project, job });
    this.maskBase = signal(state.mask?.base ?? "chosen");
    this.picked_ms = signal(null);
    /** Where px are counted: the first map's own grid, or that of the regions. */
    this.frame = computed(() => {
      const map = this.maps.value.find((each) => each.frame.value);
      return map?.frame.value ?? (this.regionHeader.value && this.surfaces.frame);
    });
    this.regionHeader = signal(null);
  }

  /** Read what the job holds and show it. @param {import("./view_state.js").ViewState} state */
  async start(state) {
    try {
      const path = pathOf("p", this.project, "j", this.job);
      const [card, volumes] = await Promise.all([get(path), get(`${path}/volumes`)]);
      this.card.value = card;
      this.volumes.value = volumes.map((volume) => ({ ...volume, project: this.project, job: this.job }));
      this.#follow();
      this.#startMaps(state);
      await Promise.all([this.isSegmentation ? this.#startRegions() : null, this.#startMask(state)]);
    } catch (error) {
      this.problem.value = error.message;
    }
  }

  /** Whether the job has regions. */
  get isSegmentation() {
    return this.volumes.value.some(({ name }) => name === SEGMENTED);
  }

  /** Whether the job has movies of a motion. */
  get hasMovies() {
    return listMovies(this.volumes.value).length > 0;
  }

  /**
   * Show one more map.
   * @param {{job: string, name: string, kind?: string, title?: string}} source
   * @param {object} [look]
   */
  addMap(source, look = {}) {
    const shown = { ...look, color: look.color ?? colorOfMap(this.maps.peek().length) };
    const map = new ShownMap(this, { project: this.project, ...source }, shown);
    this.maps.value = [...this.maps.peek(), map];
    map.start();
  }

  /** Show a map no more. @param {ShownMap} map */
  removeMap(map) {
    map.close();
    this.maps.value = this.maps.peek().filter((other) => other !== map);
  }

  /**
   * What lies under a point of the page: a region where there is one, else a map.
   * @param {number} clientX @param {number} clientY
   * @returns {Promise<{xyz_px: number[], region: number}|null>} region 0 on a map
   */
  async pick(clientX, clientY) {
    const start = performance.now();
    const ray = this.scene.rayAt(clientX, clientY);
    const found = (await this.#pickRegion(ray)) ?? (await this.#pickMap(ray));
    this.picked_ms.value = performance.now() - start;
    return found;
  }

  async #pickRegion(ray) {
    if (!this.regionHeader.peek() || !this.surfaces.isVisible.peek()) return null;
    const { hit } = await this.client.ask("pick", { ray, targets: [this.surfaces.pickTarget()] });
    return hit && { xyz_px: hit.xyz_px, region: this.regions.peek().regionOfLeaf.peek()[hit.leaf] };
  }

  async #pickMap(ray) {
    const maps = this.maps.peek().filter((map) => map.isVisible.peek() && map.header.peek());
    const targets = maps.map((map) => ({ key: map.key, density: map.level.peek() }));
    const { hit } = await this.client.ask("pick", { ray, targets });
    return hit && { xyz_px: hit.xyz_px, region: 0 };
  }

  /** Put the fulcrum somewhere, and the cross-hair of the slices with it. @param {number[]|null} xyz_px */
  placeFulcrum(xyz_px) {
    this.fulcrum_px.value = xyz_px;
    if (xyz_px) this.crosshair_px.value = xyz_px;
  }

  /** The state that a link tells. @returns {import("./view_state.js").ViewState} */
  describe() {
    const { dilation_px, padding_px, isShown } = this.mask;
    return {
      maps: this.maps.value.map(describeMap),
      camera: this.camera.value,
      fulcrum_px: this.fulcrum_px.value,
      crosshair_px: this.hasSlices.value ? this.crosshair_px.value : null,
      hasSlices: this.hasSlices.value,
      mask: isShown.value ? { dilation_px: dilation_px.value, padding_px: padding_px.value, base: this.maskBase.value } : null,
    };
  }

  /** End the view. */
  close() {
    this.#stop();
    this.maps.peek().forEach((map) => map.close());
    this.mask.close();
    this.surfaces?.close();
    this.#marker?.close();
    this.scene?.close();
    this.client.close();
  }

  #makeScene(canvas) {
    try {
      return new Scene(canvas, this.camera);
    } catch {
      this.problem.value = "This browser draws no 3D (WebGL): switch hardware acceleration on in its settings. Slices, levels and jobs work without.";
      return null;
    }
  }

  #follow() {
    this.#marker = this.scene && new FulcrumMarker(this.scene);
    const stopMarking = effect(() => {
      const [frame, point] = [this.frame.value, this.fulcrum_px.value];
      if (frame) this.#marker?.show(point && pxToScene(frame, point), 2 * frame.center_px[0] * frame.pixel_size_A);
    });
    const stopChoosing = effect(() => {
      this.mask.base.value = this.#baseOfMask(this.maskBase.value, this.regions.value);
    });
    this.#stop = () => {
      stopMarking();
      stopChoosing();
    };
  }

  #startMaps({ maps }) {
    const titles = new Map(this.volumes.peek().map((volume) => [volume.name, volume]));
    const own = (map) => (map.job === this.job ? titles.get(map.name) : null);
    const stored = maps.map((map) => ({ source: { ...own(map), job: map.job, name: map.name }, look: map }));
    const shown = stored.length ? stored : this.#firstMap();
    shown.forEach(({ source, look }) => this.addMap(source, look));
  }

  /** Of a new view: the best map of the job; that of a segmentation begins hidden, its regions are what is looked at. Movies bring their own. */
  #firstMap() {
    const [source] = this.volumes.peek();
    if (!source || this.hasMovies) return [];
    return [{ source, look: this.isSegmentation ? { isVisible: false, opacity: TRANSPARENT } : {} }];
  }

  async #startRegions() {
    const editor = new RegionEditor(this.project, this.job);
    this.surfaces = new RegionSurfaces(this, editor);
    await this.surfaces.start(this.project);
    this.regions.value = editor;
    this.regionHeader.value = this.surfaces.header.peek();
  }

  async #startMask({ mask }) {
    if (mask) [this.mask.dilation_px.value, this.mask.padding_px.value] = [mask.dilation_px, mask.padding_px];
    if (this.hasMovies) return;
    if (!this.isSegmentation && !mask) this.maskBase.value = this.volumes.peek().find(({ kind }) => kind !== "mask")?.name ?? "";
    this.mask.start();
    this.mask.isShown.value = mask !== null;
    const output = this.isSegmentation ? SEGMENTED : this.maskBase.peek();
    if (output) await this.mask.suggest(output, mask === null).catch(() => {}); // without a suggestion the sliders have no mark
  }

  /** What distances are counted from: the chosen regions, the others, or a map above its level. */
  #baseOfMask(base, regions) {
    if (regions) {
      const chosen = regions.chosen.value;
      if (!chosen.length) return null;
      const which = base === "others" ? `all but ${chosen.join(",")}` : chosen.join(",");
      return { output: "regions", which };
    }
    const map = this.maps.value.find(({ source }) => source.job === this.job && source.name === base);
    return map?.header.value ? { output: base, threshold: map.level.value } : null;
  }
}

function describeMap(map) {
  const look = ["level", "color", "opacity", "style", "isVisible", "sdev_A"].map((name) => [name, map[name].value]);
  return { job: map.source.job, name: map.source.name, ...Object.fromEntries(look) };
}
