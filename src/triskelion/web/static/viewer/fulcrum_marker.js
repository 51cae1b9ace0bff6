/** The fulcrum in the scene: a ball with three bars, seen through everything. */

import { BufferAttribute, BufferGeometry, Group, LineBasicMaterial, LineSegments, Mesh, MeshBasicMaterial, SphereGeometry } from "three";

const COLOR = "#d55e00";
const [RADIUS, BAR] = [0.012, 0.06]; // of the box
const LAST = 1e6; // in the order of drawing

/** Shows one point. */
export class FulcrumMarker {
  #scene;
  #group = new Group();

  /** @param {import("./scene.js").Scene} scene */
  constructor(scene) {
    this.#scene = scene;
    const seenThrough = { color: COLOR, depthTest: false, transparent: true };
    const bars = new BufferGeometry();
    const ends = [0, 1, 2].flatMap((axis) => [-BAR, BAR].flatMap((end) => [0, 1, 2].map((other) => (other === axis ? end : 0))));
    bars.setAttribute("position", new BufferAttribute(Float32Array.from(ends), 3));
    this.#group.add(new Mesh(new SphereGeometry(RADIUS, 16, 12), new MeshBasicMaterial(seenThrough)));
    this.#group.add(new LineSegments(bars, new LineBasicMaterial(seenThrough)));
    for (const object of this.#group.children) object.renderOrder = LAST;
    this.#group.visible = false;
    scene.add(this.#group);
  }

  /** @param {number[]|null} point in Å from the box centre; null hides the marker @param {number} box_A edge of the box */
  show(point, box_A) {
    this.#group.visible = point !== null;
    if (point) this.#group.position.fromArray(point);
    this.#group.scale.setScalar(box_A);
    this.#scene.invalidate();
  }

  /** Take it out of the scene. */
  close() {
    this.#scene.remove(this.#group);
    for (const { geometry, material } of this.#group.children) {
      geometry.dispose();
      material.dispose();
    }
  }
}
