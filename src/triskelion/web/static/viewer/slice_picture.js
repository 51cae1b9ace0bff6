/** A slice as pixels: grey by density, what the mask holds tinted. */

const [CORE, EDGE] = [
  [255, 210, 62],
  [86, 180, 233],
];
const TINT = 0.38;

/**
 * Grey levels of a slice.
 * @param {{values: Uint16Array, width: number, height: number}} slice
 * @param {{low: number, high: number}} window values (in 16-bit units) that become black and white
 * @returns {ImageData}
 */
export function paintSlice({ values, width, height }, { low, high }) {
  const picture = new ImageData(width, height);
  const scale = 255 / Math.max(high - low, 1);
  for (let i = 0; i < values.length; i++) {
    const grey = (values[i] - low) * scale;
    picture.data[4 * i] = picture.data[4 * i + 1] = picture.data[4 * i + 2] = grey;
    picture.data[4 * i + 3] = 255;
  }
  return picture;
}

/**
 * Tint what lies inside the mask and inside its soft edge.
 * @param {ImageData} picture of a slice
 * @param {{values: Uint16Array, width: number, height: number}} distances slice of a distance grid, where larger is nearer to the base
 * @param {object} place
 * @param {number} place.bin px of the map that a pixel of the picture measures
 * @param {number} place.right @param {number} place.up px of the map where the distances begin
 * @param {{core: number, edge: number}} levels of the grid at which the mask begins to fall and ends
 */
export function tintMask(picture, { values, width, height }, { bin, right, up }, { core, edge }) {
  const toPx = (i) => bin * i + (bin - 1) / 2;
  for (let y = 0; y < picture.height; y++) {
    const row = height - 1 - Math.round(toPx(picture.height - 1 - y) - up);
    if (row < 0 || row >= height) continue;
    for (let x = 0; x < picture.width; x++) {
      const column = Math.round(toPx(x) - right);
      if (column < 0 || column >= width) continue;
      const value = values[row * width + column];
      if (value >= edge) tint(picture.data, 4 * (y * picture.width + x), value >= core ? CORE : EDGE);
    }
  }
}

function tint(data, i, color) {
  for (let channel = 0; channel < 3; channel++) data[i + channel] += TINT * (color[channel] - data[i + channel]);
}
