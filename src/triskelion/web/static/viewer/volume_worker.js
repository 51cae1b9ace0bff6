/** The worker that owns the voxels: it fetches maps, contours them, cuts slices and picks. The page never holds a map, only its surfaces. */

import { makeGrid } from "./bricks.js";
import { Contourer } from "./contour.js";
import { levelAtDistance, makeDistanceGrid } from "./distance_grid.js";
import { fetchGrid } from "./packed_grid.js";
import { pickSurface } from "./picking.js";
import { countVoxels, cutOutRegion, measureLeafBoxes } from "./region_grid.js";
import { cutSlice } from "./slice.js";

const contourer = new Contourer();
const grids = new Map(); // by key: {grid, header}
const labels = new Map(); // by key: {data, boxes, shape}

function find(kept, key) {
  if (!kept.has(key)) throw new Error(`${key} is not loaded`);
  return kept.get(key);
}

function timed(work) {
  const start = performance.now();
  const result = work();
  return { ...result, milliseconds: performance.now() - start };
}

const OPERATIONS = {
  async loadMap({ key, url }) {
    const { header, data } = await fetchGrid(url, "uint16");
    grids.set(key, { grid: makeGrid(data, header.shape), header });
    return { header };
  },

  async loadLabels({ key, url }) {
    const { header, data } = await fetchGrid(url, "uint16");
    labels.set(key, { data, shape: header.shape, boxes: measureLeafBoxes(data, header.shape, header.n_regions) });
    return { header, nVoxels: countVoxels(data, header.n_regions) };
  },

  async loadDistances({ key, url }) {
    const { header, data } = await fetchGrid(url, "uint8");
    grids.set(key, { grid: makeDistanceGrid(data, header.shape), header });
    return { header };
  },

  drop({ key }) {
    grids.delete(key);
    labels.delete(key);
    return {};
  },

  contour({ key, level, style }) {
    return timed(() => contourer.contour(find(grids, key).grid, level, style));
  },

  contourDistance({ key, distance_px, style }) {
    const { grid, header } = find(grids, key);
    return timed(() => contourer.contour(grid, levelAtDistance(distance_px, header.step_px), style));
  },

  contourRegion({ key, labelsKey, leaves, level, style }) {
    return timed(() => {
      const { grid, origin } = cutOutRegion(find(grids, key).grid, find(labels, labelsKey), leaves, level);
      return { ...contourer.contour(grid, level - 0.5, style), origin };
    });
  },

  slice({ key, axis, index }) {
    return cutSlice(find(grids, key).grid, axis, index);
  },

  sliceLabels({ key, axis, index }) {
    return cutSlice(find(labels, key), axis, index);
  },

  /** The nearest of the surfaces that a ray meets; each has the ray in voxels of its own grid, and how many Å these measure. */
  pick({ targets }) {
    return timed(() => {
      const hits = targets.map((target) => pickTarget(target)).filter(Boolean);
      return { hit: hits.sort((a, b) => a.distance_A - b.distance_A)[0] ?? null };
    });
  },
};

function pickTarget({ key, level, origin, direction, voxel_A, labelsKey, shownLeaves }) {
  const { grid } = find(grids, key);
  const leafAt = labelsKey ? leafFinder(find(labels, labelsKey)) : () => 0;
  const isShown = labelsKey ? (x, y, z) => shownLeaves[leafAt(x, y, z)] === 1 : undefined;
  const hit = pickSurface(grid, level, origin, direction, isShown);
  return hit && { key, point: hit.point, distance_A: hit.distance * voxel_A, leaf: leafAt(...hit.point) };
}

function leafFinder({ data, shape: [, ny, nx] }) {
  return (x, y, z) => data[(Math.round(z) * ny + Math.round(y)) * nx + Math.round(x)];
}

function buffersOf(result) {
  return Object.values(result)
    .filter((value) => ArrayBuffer.isView(value))
    .map((array) => array.buffer);
}

self.onmessage = async ({ data: { id, operation, request } }) => {
  try {
    const result = await OPERATIONS[operation](request);
    self.postMessage({ id, result }, buffersOf(result));
  } catch (error) {
    self.postMessage({ id, error: error.message });
  }
};
