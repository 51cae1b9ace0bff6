/** What a link to the viewer says: maps and how they look, camera, fulcrum, slices, mask. Text in, plain values out, and back. */

const BETWEEN_FIELDS = "~";
const BETWEEN_MAPS = " ";
const DIGITS = 4;

/**
 * @typedef {object} ViewState
 * @property {MapState[]} maps
 * @property {import("./camera.js").View|null} camera
 * @property {number[]|null} fulcrum_px
 * @property {number[]|null} crosshair_px
 * @property {boolean} hasSlices
 * @property {{dilation_px: number, padding_px: number, base: string}|null} mask base: "chosen", "others" or the name of a map
 *
 * @typedef {object} MapState
 * @property {string} job @property {string} name
 * @property {number|null} level a density; null for the suggested one
 * @property {string|null} color @property {number} opacity @property {string} style @property {boolean} isVisible
 * @property {number} sdev_A of a Gaussian preview, 0 for none
 */

/**
 * Write a state as entries of a query.
 * @param {ViewState} state
 * @returns {Record<string, string|null>} null for what is as it would be anyway
 */
export function encodeView({ maps, camera, fulcrum_px, crosshair_px, hasSlices, mask }) {
  return {
    maps: maps.map(encodeMap).join(BETWEEN_MAPS) || null,
    camera: camera?.distance_A ? joinNumbers([...camera.quaternion, ...camera.target, camera.distance_A]) : null,
    fulcrum: fulcrum_px && joinNumbers(fulcrum_px),
    cross: crosshair_px && joinNumbers(crosshair_px),
    slices: hasSlices ? "1" : null,
    mask: mask && [mask.dilation_px, mask.padding_px, mask.base].join(BETWEEN_FIELDS),
  };
}

/**
 * Read a state from a query; what is missing or cannot be read is left out.
 * @param {Record<string, string>} query
 * @returns {ViewState}
 */
export function decodeView(query) {
  const camera = readNumbers(query.camera, 8);
  const [dilation_px, padding_px, base] = query.mask?.split(BETWEEN_FIELDS) ?? [];
  return {
    maps: query.maps?.split(BETWEEN_MAPS).map(decodeMap).filter(Boolean) ?? [],
    camera: camera && { quaternion: camera.slice(0, 4), target: camera.slice(4, 7), distance_A: camera[7] },
    fulcrum_px: readNumbers(query.fulcrum, 3),
    crosshair_px: readNumbers(query.cross, 3),
    hasSlices: query.slices === "1",
    mask: base && Number.isFinite(+dilation_px) && Number.isFinite(+padding_px) ? { dilation_px: +dilation_px, padding_px: +padding_px, base } : null,
  };
}

function encodeMap({ job, name, level, color, opacity, style, isVisible, sdev_A }) {
  const look = [color.replace("#", ""), opacity, style === "mesh" ? "m" : "s", isVisible ? 1 : 0, sdev_A];
  return [job, name, level === null ? "" : round(level), ...look].join(BETWEEN_FIELDS);
}

function decodeMap(text) {
  const [job, name, level, color, opacity, style, isVisible, sdev_A] = text.split(BETWEEN_FIELDS);
  if (!job || !name) return null;
  return {
    job,
    name,
    level: level && Number.isFinite(+level) ? +level : null,
    color: /^[0-9a-f]{6}$/i.test(color ?? "") ? `#${color}` : null,
    opacity: +opacity >= 0 && +opacity <= 1 && opacity ? +opacity : 1,
    style: style === "m" ? "mesh" : "surface",
    isVisible: isVisible !== "0",
    sdev_A: +sdev_A > 0 ? +sdev_A : 0,
  };
}

function round(value) {
  return Number(value.toPrecision(DIGITS));
}

function joinNumbers(values) {
  return values.map(round).join(",");
}

function readNumbers(text, count) {
  const values = text?.split(",").map(Number);
  return values?.length === count && values.every(Number.isFinite) ? values : null;
}
