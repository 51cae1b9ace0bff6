/**
 * Where things are: voxels of a (binned) grid, px from the corner voxel of the map, and Å from the box centre, which the scene is drawn in.
 *
 * Maps of other boxes and pixel sizes have the same centre (voxel n // 2), so they lie on one another in the scene.
 */

/**
 * How a grid lies in its map.
 * @typedef {object} Frame
 * @property {number} bin edge of a voxel of the grid, in px of the map
 * @property {number[]} origin_px x, y, z of the first voxel of the grid in px of the map
 * @property {number} pixel_size_A of the map
 * @property {number[]} center_px x, y, z of the box centre
 */

/**
 * Read a frame off the header of a packed map.
 * @param {object} header
 * @returns {Frame}
 */
export function frameOfHeader({ bin = 1, full_shape, shape, pixel_size_A, origin_zyx = [0, 0, 0] }) {
  const first = (bin - 1) / 2; // binned voxels are averages, which lie in the middle of what they average
  return {
    bin,
    origin_px: [...origin_zyx].reverse().map((start) => start + first),
    pixel_size_A,
    center_px: [...(full_shape ?? shape)].reverse().map((n) => Math.floor(n / 2)),
  };
}

/** Voxels of the grid -> px of the map. @param {Frame} frame @param {number[]} point @returns {number[]} */
export function gridToPx({ bin, origin_px }, point) {
  return point.map((value, axis) => bin * value + origin_px[axis]);
}

/** Px of the map -> voxels of the grid. @param {Frame} frame @param {number[]} point @returns {number[]} */
export function pxToGrid({ bin, origin_px }, point) {
  return point.map((value, axis) => (value - origin_px[axis]) / bin);
}

/** Px of the map -> Å from the box centre. @param {Frame} frame @param {number[]} point @returns {number[]} */
export function pxToScene({ center_px, pixel_size_A }, point) {
  return point.map((value, axis) => (value - center_px[axis]) * pixel_size_A);
}

/** Å from the box centre -> voxels of the grid. @param {Frame} frame @param {number[]} point @returns {number[]} */
export function sceneToGrid(frame, point) {
  const { center_px, pixel_size_A } = frame;
  return pxToGrid(frame, point.map((value, axis) => value / pixel_size_A + center_px[axis]));
}

/**
 * The shift and scale that draw a surface, whose vertices are voxels of the grid, in the scene.
 * @param {Frame} frame
 * @param {number[]} [origin] first voxel of the part of the grid that was contoured
 * @returns {{position: number[], scale: number}}
 */
export function placeInScene(frame, origin = [0, 0, 0]) {
  return { position: pxToScene(frame, gridToPx(frame, origin)), scale: frame.bin * frame.pixel_size_A };
}

/** How far the corners of the box lie from its centre, in Å. @param {object} header @returns {number} */
export function boxRadius({ full_shape, shape, pixel_size_A }) {
  return (Math.sqrt(3) / 2) * Math.max(...(full_shape ?? shape)) * pixel_size_A;
}

/** A density as the 16-bit value that stands for it in a packed map. @param {object} header @param {number} density @returns {number} */
export function densityToUnits({ low, high }, density) {
  return ((density - low) / (high - low || 1)) * 65535;
}

/** A point as people type it: three numbers with a comma between. @param {number[]} point @param {number} [digits] @returns {string} */
export function formatPoint(point, digits = 1) {
  return point.map((value) => value.toFixed(digits)).join(",");
}

/**
 * Read a typed point: px from the corner voxel, or Å where an A or Å stands behind.
 * @param {string} text "178.2,178.6,180.9" or "249.5,250.1,253.3A"
 * @param {number} pixel_size_A
 * @returns {number[]|null} px; null where it is not a point
 */
export function parsePoint(text, pixel_size_A) {
  const isA = /[AÅ]\s*$/.test(text);
  const parts = text.replace(/\s*(A|Å|px)\s*$/, "").split(/[\s,;]+/).filter(Boolean);
  const values = parts.map(Number);
  if (values.length !== 3 || values.some((value) => !Number.isFinite(value))) return null;
  return isA ? values.map((value) => value / pixel_size_A) : values;
}
