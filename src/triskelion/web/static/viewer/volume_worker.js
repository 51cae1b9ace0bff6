/** The worker that owns the voxels: it fetches maps, contours them, cuts slices and picks. The page never holds a map, only its surfaces. */

import { makeGrid } from "./bricks.js";
import { Contourer } from "./contour.js";
import { densityToUnits, frameOfHeader, gridToPx, pxToGrid, sceneToGrid } from "./coordinates.js";
import { levelAtDistance, makeDistanceGrid } from "./distance_grid.js";
import { fetchGrid } from "./packed_grid.js";
import { pickSurface } from "./picking.js";
import { countVoxels, cutOutRegion, measureLeafBoxes } from "./region_grid.js";
import { cutSlice } from "./slice.js";

const contourer = new Contourer();
// By key: {grid, header, frame}. A full map takes the place of a binned one while questions are under way, so these speak of densities, px and Å, and
// answers say which frame they are in.
const grids = new Map();
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
    grids.set(key, { grid: makeGrid(data, header.shape), header, frame: frameOfHeader(header) });
    return { header };
  },

  async loadLabels({ key, url }) {
    const { header, data } = await fetchGrid(url, "uint16");
    labels.set(key, { data, shape: header.shape, boxes: measureLeafBoxes(data, header.shape, header.n_regions) });
    return { header, nVoxels: countVoxels(data, header.n_regions) };
  },

  async loadDistances({ key, url }) {
    const { header, data } = await fetchGrid(url, "uint8");
    grids.set(key, { grid: makeDistanceGrid(data, header.shape), header, frame: frameOfHeader(header) });
    return { header };
  },

  drop({ key }) {
    grids.delete(key);
    labels.delete(key);
    return {};
  },

  contour({ key, density, style }) {
    const { grid, header, frame } = find(grids, key);
    return timed(() => ({ ...contourer.contour(grid, densityToUnits(header, density), style), frame }));
  },

  contourDistance({ key, distance_px, style }) {
    const { grid, header, frame } = find(grids, key);
    return timed(() => ({ ...contourer.contour(grid, levelAtDistance(distance_px, header.step_px), style), frame }));
  },

  contourRegion({ key, labelsKey, leaves, level, style }) {
    return timed(() => {
      const { grid, origin } = cutOutRegion(find(grids, key).grid, find(labels, labelsKey), leaves, level);
      return { ...contourer.contour(grid, level - 0.5, style), origin };
    });
  },

  /** The plane through a point; no values where the grid does not reach it. */
  slice({ key, axis, point_px }) {
    const { grid, header, frame } = find(grids, key);
    const index = Math.round(pxToGrid(frame, point_px)[axis]);
    const isInside = index >= 0 && index < [...header.shape].reverse()[axis];
    return isInside ? { ...cutSlice(grid, axis, index), header, frame } : { values: null };
  },

  /** The nearest of the surfaces that a ray of the scene meets. */
  pick({ ray, targets }) {
    return timed(() => {
      const hits = targets.map((target) => pickTarget(ray, target)).filter(Boolean);
      return { hit: hits.sort((a, b) => a.distance_A - b.distance_A)[0] ?? null };
    });
  },
};

function pickTarget({ origin, direction }, { key, density, labelsKey, shownLeaves }) {
  const { grid, header, frame } = find(grids, key);
  const leafAt = labelsKey ? leafFinder(find(labels, labelsKey)) : () => 0;
  const isShown = labelsKey ? (x, y, z) => shownLeaves[leafAt(x, y, z)] === 1 : undefined;
  const hit = pickSurface(grid, densityToUnits(header, density), sceneToGrid(frame, origin), direction, isShown);
  return hit && { xyz_px: gridToPx(frame, hit.point), distance_A: hit.distance * frame.bin * frame.pixel_size_A, leaf: leafAt(...hit.point) };
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
