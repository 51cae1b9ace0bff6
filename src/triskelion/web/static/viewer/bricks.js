/** Bricks of 8³ cells with the lowest and highest value in each: a contour only visits those it passes through. */

export const BRICK = 8;

/**
 * A grid of unsigned 16-bit values, as the contour, pick and slices read it.
 * @typedef {object} Grid
 * @property {Uint16Array} data values, x fastest
 * @property {number[]} shape [nz, ny, nx]
 * @property {Bricks} bricks
 *
 * @typedef {object} Bricks
 * @property {number[]} count bricks along [z, y, x]
 * @property {Uint16Array} low lowest value of each brick, x fastest
 * @property {Uint16Array} high highest value of each brick
 */

/**
 * Make a grid of values ready to be contoured.
 * @param {Uint16Array} data
 * @param {number[]} shape [nz, ny, nx]
 * @returns {Grid}
 */
export function makeGrid(data, shape) {
  return { data, shape, bricks: measureBricks(data, shape) };
}

function measureBricks(data, [nz, ny, nx]) {
  const count = [nz, ny, nx].map((n) => Math.ceil(Math.max(n - 1, 0) / BRICK));
  const low = new Uint16Array(count[0] * count[1] * count[2]);
  const high = new Uint16Array(low.length);
  let brick = 0;
  for (let z = 0; z < nz - 1; z += BRICK) {
    for (let y = 0; y < ny - 1; y += BRICK) {
      for (let x = 0; x < nx - 1; x += BRICK, brick++) {
        measureBrick(data, [nz, ny, nx], [z, y, x], low, high, brick);
      }
    }
  }
  return { count, low, high };
}

/** A brick has 9³ values: the last along each axis are those of the next brick too. */
function measureBrick(data, [nz, ny, nx], [z0, y0, x0], low, high, brick) {
  const zEnd = Math.min(z0 + BRICK + 1, nz);
  const yEnd = Math.min(y0 + BRICK + 1, ny);
  const xEnd = Math.min(x0 + BRICK + 1, nx);
  let lowest = 65535;
  let highest = 0;
  for (let z = z0; z < zEnd; z++) {
    for (let y = y0; y < yEnd; y++) {
      const row = (z * ny + y) * nx;
      for (let i = row + x0; i < row + xEnd; i++) {
        const value = data[i];
        if (value < lowest) lowest = value;
        if (value > highest) highest = value;
      }
    }
  }
  low[brick] = lowest;
  high[brick] = highest;
}
