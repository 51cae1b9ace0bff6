/** Where the scene is looked at from, as a signal: scenes that share one turn together. */

import { signal } from "@preact/signals";
import { Quaternion, Vector3 } from "three";

/** Vertical angle of view. */
export const FIELD_OF_VIEW_DEG = 25;
const TURN_PER_PX = 0.008;
const LEAST_DISTANCE_A = 1;
const WHOLE_TURN = 1.15; // how much wider than what is shown the view is

/**
 * A view: which way, at what, from how far.
 * @typedef {{quaternion: number[], target: number[], distance_A: number|null}} View
 * @returns {import("@preact/signals").Signal<View>} looking down z from a distance that the first map decides
 */
export function makeCamera() {
  return signal({ quaternion: [0, 0, 0, 1], target: [0, 0, 0], distance_A: null });
}

/** Look at a sphere about the middle, unless the view was set already. @param {View} view @param {number} radius_A @returns {View} */
export function fitView(view, radius_A) {
  const distance_A = (WHOLE_TURN * radius_A) / Math.sin(((FIELD_OF_VIEW_DEG / 2) * Math.PI) / 180);
  return { ...view, target: [0, 0, 0], distance_A };
}

/** Turn the particle as a ball under the pointer, which has moved by px. @param {View} view @returns {View} */
export function turnView(view, dx, dy) {
  const turn = new Quaternion().setFromAxisAngle(new Vector3(0, 1, 0), -dx * TURN_PER_PX);
  turn.multiply(new Quaternion().setFromAxisAngle(new Vector3(1, 0, 0), -dy * TURN_PER_PX));
  return { ...view, quaternion: new Quaternion(...view.quaternion).multiply(turn).normalize().toArray() };
}

/**
 * Move the particle with the pointer.
 * @param {View} view @param {number} dx @param {number} dy @param {number} height of the canvas in px
 * @returns {View}
 */
export function moveView(view, dx, dy, height) {
  const perPx_A = scaleAtTarget(view, height);
  const shift = new Vector3(-dx * perPx_A, dy * perPx_A, 0).applyQuaternion(new Quaternion(...view.quaternion));
  return { ...view, target: new Vector3(...view.target).add(shift).toArray() };
}

/** Come nearer (factor below 1) or go away. @param {View} view @param {number} factor @returns {View} */
export function zoomView(view, factor) {
  return { ...view, distance_A: Math.max((view.distance_A ?? 100) * factor, LEAST_DISTANCE_A) };
}

/** Å that a px of the canvas covers at the target. @param {View} view @param {number} height of the canvas in px @returns {number} */
export function scaleAtTarget(view, height) {
  return (2 * (view.distance_A ?? 100) * Math.tan(((FIELD_OF_VIEW_DEG / 2) * Math.PI) / 180)) / Math.max(height, 1);
}
