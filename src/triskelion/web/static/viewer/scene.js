/** The 3D scene: renders when something has changed, and at no other time. */

import { effect } from "@preact/signals";
import { AmbientLight, DirectionalLight, PerspectiveCamera, Scene as ThreeScene, Vector2, Vector3, WebGLRenderer } from "three";
import { FIELD_OF_VIEW_DEG, fitView } from "./camera.js";

const MOST_PIXELS_PER_PX = 2;
const [AMBIENT, HEADLIGHT] = [0.9, 2.2];

/** A canvas on which surfaces are drawn as a camera sees them. Units are Å, the origin is the box centre. */
export class Scene {
  #renderer;
  #three = new ThreeScene();
  #lens = new PerspectiveCamera(FIELD_OF_VIEW_DEG, 1, 0.1, 1e5);
  #frame = 0;
  #box_A = 0;
  #drawn_A = 0;
  #stop;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import("@preact/signals").Signal<import("./camera.js").View>} camera
   * @throws {Error} the browser offers no WebGL
   */
  constructor(canvas, camera) {
    this.canvas = canvas;
    this.camera = camera;
    this.nFrames = 0;
    this.#renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.#renderer.setClearColor(0, 0);
    const light = new DirectionalLight(0xffffff, HEADLIGHT);
    light.position.set(-0.4, 0.6, 1); // over the left shoulder of who looks
    this.#lens.add(light);
    this.#three.add(new AmbientLight(0xffffff, AMBIENT), this.#lens);
    this.#renderer.setPixelRatio(Math.min(devicePixelRatio, MOST_PIXELS_PER_PX));
    const observer = new ResizeObserver(() => this.#resize());
    observer.observe(canvas.parentElement);
    const stopLooking = effect(() => this.#look(camera.value));
    this.#stop = () => {
      observer.disconnect();
      stopLooking();
    };
  }

  /** Put an object into the scene. @param {import("three").Object3D} object */
  add(object) {
    this.#three.add(object);
    this.invalidate();
  }

  /** Take an object out. @param {import("three").Object3D} object */
  remove(object) {
    this.#three.remove(object);
    this.invalidate();
  }

  /** Draw soon: once, however often it is asked for before the next frame. */
  invalidate() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  /**
   * Say how far from the middle things may lie, and how far what is drawn does; the camera takes that in when nobody has moved it yet.
   * @param {number} box_A radius of the box @param {number} drawn_A radius of the surface in it
   */
  include(box_A, drawn_A) {
    this.#box_A = Math.max(this.#box_A, box_A);
    this.#drawn_A = Math.max(this.#drawn_A, drawn_A);
    if (this.camera.peek().distance_A === null) this.fit();
    else this.#look(this.camera.peek());
  }

  /** Show everything again, from the direction it is seen from. */
  fit() {
    this.camera.value = fitView(this.camera.peek(), this.#drawn_A || this.#box_A || 100);
  }

  /**
   * The ray under a point of the page.
   * @param {number} clientX @param {number} clientY
   * @returns {{origin: number[], direction: number[]}} in Å
   */
  rayAt(clientX, clientY) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    this.#lens.updateMatrixWorld();
    const onScreen = new Vector3(((clientX - left) / width) * 2 - 1, 1 - ((clientY - top) / height) * 2, 0.5);
    const direction = onScreen.unproject(this.#lens).sub(this.#lens.position).normalize();
    return { origin: this.#lens.position.toArray(), direction: direction.toArray() };
  }

  /**
   * A function from a point in Å to its place on the canvas in px; null behind the camera.
   * @returns {(x: number, y: number, z: number) => [number, number]|null}
   */
  projection() {
    const { width, height } = this.canvas.getBoundingClientRect();
    this.#lens.updateMatrixWorld();
    const point = new Vector3();
    return (x, y, z) => {
      point.set(x, y, z).project(this.#lens);
      return Math.abs(point.z) > 1 ? null : [((point.x + 1) / 2) * width, ((1 - point.y) / 2) * height];
    };
  }

  /** The picture as it is now. @returns {string} a PNG as data URL */
  takePicture() {
    this.#draw();
    return this.canvas.toDataURL("image/png");
  }

  /** End the scene and give the memory of the graphics card back. */
  close() {
    this.#stop();
    cancelAnimationFrame(this.#frame);
    this.#renderer.dispose();
    this.#renderer.forceContextLoss();
  }

  #draw() {
    this.#renderer.render(this.#three, this.#lens);
    this.nFrames++;
    this.canvas.dataset.frames = this.nFrames; // tests see that a picture was drawn
  }

  #look({ quaternion, target, distance_A }) {
    if (distance_A === null) return;
    this.#lens.quaternion.fromArray(quaternion);
    this.#lens.position.set(0, 0, distance_A).applyQuaternion(this.#lens.quaternion).add(new Vector3(...target));
    const toMiddle = this.#lens.position.length();
    const reach = Math.max(2 * this.#box_A, 10);
    this.#lens.near = Math.max(toMiddle - reach, distance_A / 100);
    this.#lens.far = toMiddle + reach;
    this.#lens.updateProjectionMatrix();
    this.invalidate();
  }

  #resize() {
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    const before = this.#renderer.getSize(new Vector2());
    if (!clientWidth || !clientHeight || (before.x === clientWidth && before.y === clientHeight)) return;
    this.#renderer.setSize(clientWidth, clientHeight);
    this.#lens.aspect = clientWidth / clientHeight;
    this.#look(this.camera.peek());
    this.#lens.updateProjectionMatrix();
    this.#draw(); // resizing has emptied the canvas
  }
}
