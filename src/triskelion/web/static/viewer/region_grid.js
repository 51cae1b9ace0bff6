/** The density of one region as a grid whose contour is closed: what belongs to others is reflected about the level. */

import { makeGrid } from "./bricks.js";

/**
 * Count the voxels of every leaf.
 * @param {Uint16Array|Uint32Array} labels
 * @param {number} nLeaves
 * @returns {Uint32Array} of nLeaves + 1 entries; entry 0 is what belongs to no region
 */
export function countVoxels(labels, nLeaves) {
  const counts = new Uint32Array(nLeaves + 1);
  for (let i = 0; i < labels.length; i++) counts[labels[i]]++;
  return counts;
}

/**
 * For every leaf of a segmentation the box that holds it.
 * @param {Uint16Array|Uint32Array} labels leaf of each voxel, x fastest, 0 outside all
 * @param {number[]} shape [nz, ny, nx]
 * @param {number} nLeaves
 * @returns {Int32Array} six for each leaf: first x, y, z, last x, y, z
 */
export function measureLeafBoxes(labels, [nz, ny, nx], nLeaves) {
  const boxes = new Int32Array(6 * (nLeaves + 1));
  for (let leaf = 0; leaf <= nLeaves; leaf++) boxes.set([nx, ny, nz, -1, -1, -1], 6 * leaf);
  let i = 0;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, i++) {
        const leaf = labels[i];
        if (leaf === 0) continue;
        const box = 6 * leaf;
        if (x < boxes[box]) boxes[box] = x;
        if (y < boxes[box + 1]) boxes[box + 1] = y;
        if (z < boxes[box + 2]) boxes[box + 2] = z;
        if (x > boxes[box + 3]) boxes[box + 3] = x;
        if (y > boxes[box + 4]) boxes[box + 4] = y;
        if (z > boxes[box + 5]) boxes[box + 5] = z;
      }
    }
  }
  return boxes;
}

function unitBox(boxes, leaves) {
  const [low, high] = [[Infinity, Infinity, Infinity], [-1, -1, -1]];
  for (const leaf of leaves) {
    for (let axis = 0; axis < 3; axis++) {
      low[axis] = Math.min(low[axis], boxes[6 * leaf + axis]);
      high[axis] = Math.max(high[axis], boxes[6 * leaf + 3 + axis]);
    }
  }
  return { low, high };
}

/**
 * Cut a region out of the map, one voxel of margin round it.
 *
 * A voxel of the region keeps its value, one of another region, w, becomes 2 level - w: the surface between two regions then lies between their
 * voxels, where either would draw it. Outside the box of the map there is nothing, so that regions are closed there too.
 * @param {import("./bricks.js").Grid} grid
 * @param {{data: Uint16Array|Uint32Array, boxes: Int32Array}} labels
 * @param {Iterable<number>} leaves of the region
 * @param {number} level a whole number
 * @returns {{grid: import("./bricks.js").Grid, origin: number[]}} origin: x, y, z of its first voxel
 */
export function cutOutRegion(grid, labels, leaves, level) {
  const members = new Set(leaves);
  const { low, high } = unitBox(labels.boxes, members);
  const origin = low.map((start) => start - 1);
  const [mx, my, mz] = high.map((end, axis) => end - low[axis] + 3);
  const isMember = markMembers(labels.boxes.length / 6, members);
  const [nz, ny, nx] = grid.shape;
  const cut = new Uint16Array(mx * my * mz);
  const skipped = Math.max(0, -origin[0]);
  const end = Math.min(mx, nx - origin[0]);
  for (let z = Math.max(0, -origin[2]); z < Math.min(mz, nz - origin[2]); z++) {
    for (let y = Math.max(0, -origin[1]); y < Math.min(my, ny - origin[1]); y++) {
      const from = ((origin[2] + z) * ny + origin[1] + y) * nx + origin[0];
      const to = (z * my + y) * mx;
      for (let x = skipped; x < end; x++) {
        const value = grid.data[from + x];
        if (isMember[labels.data[from + x]]) cut[to + x] = value > level ? value : level;
        else cut[to + x] = value < level ? value : Math.max(0, Math.min(2 * level - value, level - 1));
      }
    }
  }
  return { grid: makeGrid(cut, [mz, my, mx]), origin };
}

function markMembers(nEntries, members) {
  const marks = new Uint8Array(nEntries);
  for (const leaf of members) marks[leaf] = 1;
  return marks;
}
