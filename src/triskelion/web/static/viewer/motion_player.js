/** The movies of a domain_motion job: its frames as contoured maps, one after another and back. */

import { signal } from "@preact/signals";
import { pathOf, queryOf } from "../lib/api.js";
import { boxRadius, placeInScene } from "./coordinates.js";
import { SurfaceView } from "./surface_view.js";

const FRAME_NAME = /^motion_(.+)_axis(\d+)_frame(\d+)$/;
const FRAME_MS = 220;
const COLOR = "#56b4e9";
const BIN = 2; // a movie is of domains, not of side chains, and its frames are many

/**
 * Find the movies among the volumes of a job.
 * @param {{name: string}[]} volumes
 * @returns {{title: string, frames: string[]}[]}
 */
export function listMovies(volumes) {
  const movies = new Map();
  for (const { name } of volumes) {
    const match = FRAME_NAME.exec(name);
    if (!match) continue;
    const title = `${match[1]}, axis ${match[2]}`;
    if (!movies.has(title)) movies.set(title, []);
    movies.get(title).push({ name, number: Number(match[3]) });
  }
  return [...movies].map(([title, frames]) => ({ title, frames: frames.sort((a, b) => a.number - b.number).map(({ name }) => name) }));
}

/** Plays one movie at a time. */
export class MotionPlayer {
  #viewer;
  #shown = []; // of each frame: {view, header, key}
  #timer = 0;
  #direction = 1;
  #nMovies = 0;

  /** @param {import("./viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.#viewer = viewer;
    this.title = signal(null);
    this.frame = signal(0);
    this.nFrames = signal(0);
    this.nLoaded = signal(0);
    this.level = signal(null);
    this.header = signal(null);
    this.isPlaying = signal(false);
    this.problem = signal(null);
  }

  /** Fetch and contour the frames of a movie. @param {{title: string, frames: string[]}} movie @returns {Promise<void>} */
  async open({ title, frames }) {
    const movie = this.#clear();
    this.title.value = title;
    this.nFrames.value = frames.length;
    this.frame.value = 0;
    try {
      for (const [i, name] of frames.entries()) {
        const kept = await this.#load(name);
        if (movie !== this.#nMovies) {
          kept.view.close();
          return;
        }
        this.#shown[i] = kept;
        this.nLoaded.value = i + 1;
        await this.#contour(kept);
        this.show(this.frame.peek());
      }
    } catch (error) {
      this.problem.value = error.message;
    }
  }

  /** Show one frame. @param {number} frame */
  show(frame) {
    this.frame.value = frame;
    this.#shown.forEach(({ view }, i) => view.setLook({ isVisible: i === frame }));
  }

  /** Contour all frames at another level. @param {number} level a density */
  async setLevel(level) {
    this.level.value = level;
    const current = this.#shown[this.frame.peek()];
    for (const kept of [current, ...this.#shown.filter((other) => other !== current)]) {
      if (this.level.peek() !== level) return; // the slider has gone on
      if (kept) await this.#contour(kept);
    }
  }

  /** Go forth and back through the frames. */
  play() {
    this.isPlaying.value = true;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#step(), FRAME_MS);
  }

  /** Stay at the frame that is shown. */
  pause() {
    this.isPlaying.value = false;
    clearInterval(this.#timer);
  }

  /** Take the movie out of the view. */
  close() {
    this.#clear();
  }

  #clear() {
    this.pause();
    for (const { view, key } of this.#shown) {
      view.close();
      this.#viewer.client.ask("drop", { key }).catch(() => {}); // the worker may have ended before
    }
    this.#shown = [];
    this.nLoaded.value = 0;
    return ++this.#nMovies;
  }

  async #load(name) {
    const { project, job, client, scene } = this.#viewer;
    const key = `frame ${name}`;
    const { header } = await client.ask("loadMap", { key, url: `/api${pathOf("p", project, "j", job, "volume", name)}${queryOf({ bin: BIN })}` });
    this.header.value ??= header;
    this.level.value ??= header.suggested_level;
    const view = new SurfaceView(scene);
    view.setLook({ color: COLOR, isVisible: false });
    return { view, header, key };
  }

  async #contour({ view, header, key }) {
    const surface = await this.#viewer.client.ask("contour", { key, density: this.level.peek(), style: "surface" });
    view.show(surface, placeInScene(surface.frame), "surface");
    this.#viewer.scene.include(boxRadius(header), view.reach_A);
  }

  #step() {
    const last = this.nLoaded.peek() - 1;
    if (last < 1) return;
    if (this.frame.peek() >= last) this.#direction = -1;
    if (this.frame.peek() <= 0) this.#direction = 1;
    this.show(this.frame.peek() + this.#direction);
  }
}
