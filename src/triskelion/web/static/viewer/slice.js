/** Planes of a grid, as orthoslices show them. */

/** For each plane the axis of its normal, and those that run right and up in its picture, as in the scene and in plots (0, 1, 2 are x, y, z). */
export const PLANES = [
  { normal: 2, right: 0, up: 1, title: "XY" },
  { normal: 1, right: 0, up: 2, title: "XZ" },
  { normal: 0, right: 1, up: 2, title: "YZ" },
];

/**
 * Cut a plane out of a grid.
 * @param {{data: Uint16Array|Uint32Array, shape: number[]}} grid
 * @param {number} axis normal of the plane: 0, 1, 2 for x, y, z
 * @param {number} index which plane; the nearest one where the grid ends before it
 * @returns {{values: Uint16Array|Uint32Array, width: number, height: number}} its last row is where the axis that runs up begins
 */
export function cutSlice({ data, shape: [nz, ny, nx] }, axis, index) {
  const sizes = [nx, ny, nz];
  const strides = [1, nx, nx * ny];
  const { right, up } = PLANES.find((plane) => plane.normal === axis);
  const [width, height] = [sizes[right], sizes[up]];
  const values = new data.constructor(width * height);
  const first = strides[axis] * Math.min(Math.max(Math.round(index), 0), sizes[axis] - 1);
  for (let row = 0, i = 0; row < height; row++) {
    let from = first + (height - 1 - row) * strides[up];
    for (let column = 0; column < width; column++, i++, from += strides[right]) values[i] = data[from];
  }
  return { values, width, height };
}
