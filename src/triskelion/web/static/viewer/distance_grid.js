/** A map of distances from the base of a mask, turned round so that its contour at a distance is the surface of the dilated base. */

import { makeGrid } from "./bricks.js";

const FARTHEST = 255;
const SCALE = 257; // 255 steps fill 16 bits: a contour between steps is exact to a 257th
const LEAST_STEPS = 0.5; // the surface of an undilated base lies between its voxels and the next

/**
 * Make a grid out of distances.
 * @param {Uint8Array} steps distance outside the base, 0 inside
 * @param {number[]} shape [nz, ny, nx]
 * @returns {import("./bricks.js").Grid}
 */
export function makeDistanceGrid(steps, shape) {
  return makeGrid(Uint16Array.from(steps, (n) => (FARTHEST - n) * SCALE), shape);
}

/**
 * The level of such a grid at which its contour lies at a distance.
 * @param {number} distance_px
 * @param {number} step_px what a step of the distances stands for
 * @returns {number}
 */
export function levelAtDistance(distance_px, step_px) {
  return (FARTHEST - Math.max(distance_px / step_px, LEAST_STEPS)) * SCALE;
}
