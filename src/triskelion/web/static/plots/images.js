/** Pictures that jobs stored as data: one byte a pixel, as plots/encode.py packs them, drawn on a canvas. */

/**
 * Unpack an image.
 * @param {{shape: [number, number], lo: number, hi: number, uint8: string}} packed
 * @returns {{rows: number, columns: number, levels: Uint8Array, valueOf: (level: number) => number}} row 0 is the lowest
 */
export function unpackImage({ shape: [rows, columns], lo, hi, uint8 }) {
  const levels = Uint8Array.from(atob(uint8), (letter) => letter.charCodeAt(0));
  return { rows, columns, levels, valueOf: (level) => lo + ((hi - lo) * level) / 255 };
}

/**
 * Black and white of density images, as in the reports: a little below solvent, and the strongest 0.2 % of the pixels.
 * @param {ReturnType<typeof unpackImage>[]} images
 * @returns {[number, number]}
 */
export function greyLevels(images) {
  const values = Float64Array.from(images.flatMap((image) => Array.from(image.levels, image.valueOf))).sort();
  const at = (share) => values[Math.round(share * (values.length - 1))];
  const white = at(0.998);
  const black = white > 0 ? Math.max(at(0.002), -0.35 * white) : values[0];
  return white > black ? [black, white] : [black, black + 1];
}

/**
 * Draw an image in grey, y upwards.
 * @param {HTMLCanvasElement} canvas
 * @param {ReturnType<typeof unpackImage>} image
 * @param {[number, number]} levels black and white
 */
export function drawGrey(canvas, image, [black, white]) {
  const { rows, columns, levels, valueOf } = image;
  canvas.width = columns;
  canvas.height = rows;
  const grey = Uint8ClampedArray.from({ length: 256 }, (_, level) => (255 * (valueOf(level) - black)) / (white - black));
  const pixels = new ImageData(columns, rows);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const value = grey[levels[row * columns + column]];
      pixels.data.set([value, value, value, 255], 4 * ((rows - 1 - row) * columns + column));
    }
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}
