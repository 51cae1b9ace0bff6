/** Picking: march along a ray through the density and bisect where it reaches the level. No mesh is asked, so the point is one of the map. */

const STEP_PX = 0.5;
const BISECTIONS = 24;

/**
 * Interpolate a grid linearly; 0 outside.
 * @param {import("./bricks.js").Grid} grid
 * @param {number} x @param {number} y @param {number} z in voxels of the grid
 * @returns {number}
 */
export function sampleGrid({ data, shape: [nz, ny, nx] }, x, y, z) {
  if (!(x >= 0 && y >= 0 && z >= 0 && x <= nx - 1 && y <= ny - 1 && z <= nz - 1)) return 0;
  const [ix, iy, iz] = [Math.min(x | 0, nx - 2), Math.min(y | 0, ny - 2), Math.min(z | 0, nz - 2)];
  const [fx, fy, fz] = [x - ix, y - iy, z - iz];
  const plane = ny * nx;
  const i = iz * plane + iy * nx + ix;
  const under = mix(mix(data[i], data[i + 1], fx), mix(data[i + nx], data[i + nx + 1], fx), fy);
  const j = i + plane;
  const over = mix(mix(data[j], data[j + 1], fx), mix(data[j + nx], data[j + nx + 1], fx), fy);
  return mix(under, over, fz);
}

function mix(a, b, share) {
  return a + (b - a) * share;
}

/**
 * The stretch of a ray that lies inside a grid.
 * @param {number[]} shape [nz, ny, nx]
 * @param {number[]} origin x, y, z @param {number[]} direction of length 1
 * @returns {[number, number]|null} distances from the origin, null where the ray passes by
 */
export function clipRay([nz, ny, nx], origin, direction) {
  let [near, far] = [0, Infinity];
  [nx - 1, ny - 1, nz - 1].forEach((end, axis) => {
    const slope = direction[axis] || 1e-12;
    const [a, b] = [-origin[axis] / slope, (end - origin[axis]) / slope];
    near = Math.max(near, Math.min(a, b));
    far = Math.min(far, Math.max(a, b));
  });
  return near <= far ? [near, far] : null;
}

/**
 * Find the first point of a ray that is inside the surface.
 * @param {import("./bricks.js").Grid} grid
 * @param {number} level
 * @param {number[]} origin x, y, z in voxels of the grid
 * @param {number[]} direction of length 1
 * @param {(x: number, y: number, z: number) => boolean} [isShown] whether the density at a point counts (it does not in hidden regions)
 * @returns {{point: number[], distance: number}|null}
 */
export function pickSurface(grid, level, origin, direction, isShown = () => true) {
  const range = clipRay(grid.shape, origin, direction);
  if (!range) return null;
  const at = (distance) => origin.map((start, axis) => start + distance * direction[axis]);
  const isInside = (distance) => {
    const [x, y, z] = at(distance);
    return sampleGrid(grid, x, y, z) >= level && isShown(x, y, z);
  };
  for (let distance = range[0]; distance <= range[1]; distance += STEP_PX) {
    if (!isInside(distance)) continue;
    let [outside, inside] = [Math.max(distance - STEP_PX, range[0]), distance];
    for (let i = 0; i < BISECTIONS && outside < inside; i++) {
      const middle = (outside + inside) / 2;
      if (isInside(middle)) inside = middle;
      else outside = middle;
    }
    return { point: at(inside), distance: inside };
  }
  return null;
}
