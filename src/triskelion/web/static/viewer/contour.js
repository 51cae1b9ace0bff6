/** Marching cubes over the bricks of a grid: vertices shared inside a brick, smooth normals from the gradient of the density. */

import { BRICK } from "./bricks.js";
import { CASES, EDGES } from "./cube_table.js";

const POINTS = BRICK + 1;
const CELLS = BRICK ** 3;
const SLOTS = 3 * POINTS ** 3; // an edge of a brick belongs to the point it starts from
const UNIT = 127; // of a normal

/** For each of the 12 edges of a cell: its slot, counted from that of the cell's first point. */
const SLOT_OF_EDGE = Int32Array.from(EDGES, ({ corner, axis }) => {
  const [x, y, z] = [corner & 1, (corner >> 1) & 1, (corner >> 2) & 1];
  return 3 * ((z * POINTS + y) * POINTS + x) + axis;
});

/**
 * A surface as it is drawn, in voxels of its grid.
 * @typedef {object} Surface
 * @property {Float32Array} positions x, y, z of each vertex
 * @property {Int8Array} normals x, y, z, 0 of each vertex, pointing out of the density, of length 127
 * @property {Uint32Array} indices three a triangle, anticlockwise from outside (or two a line of a net)
 */

/** Contours grids one after another; keeps its buffers, which large maps would otherwise have to be given again and again. */
export class Contourer {
  #positions = new Float32Array(3 * 65536);
  #normals = new Int8Array(4 * 65536);
  #indices = new Uint32Array(6 * 65536);
  #nVertices = 0;
  #nIndices = 0;
  #vertexInSlot = new Int32Array(SLOTS);
  #rows = new Int32Array(POINTS * POINTS);

  /**
   * Contour a grid.
   * @param {import("./bricks.js").Grid} grid
   * @param {number} level voxels with this value or more are inside
   * @param {"surface"|"mesh"} style triangles, or the lines of a net
   * @returns {Surface}
   */
  contour(grid, level, style = "surface") {
    this.#nVertices = this.#nIndices = 0;
    this.#vertexInSlot.fill(-1);
    const { count, low, high } = grid.bricks;
    const below = Math.ceil(level) - 1; // a whole number is inside where it is larger than this one
    let brick = 0;
    for (let z = 0; z < count[0]; z++) {
      for (let y = 0; y < count[1]; y++) {
        for (let x = 0; x < count[2]; x++, brick++) {
          if (low[brick] > below || high[brick] <= below) continue;
          this.#reserve(SLOTS, CELLS * CASES[style].longest);
          this.#contourBrick(grid, x * BRICK, y * BRICK, z * BRICK, level, CASES[style]);
        }
      }
    }
    return {
      positions: this.#positions.slice(0, 3 * this.#nVertices),
      normals: this.#normals.slice(0, 4 * this.#nVertices),
      indices: this.#indices.slice(0, this.#nIndices),
    };
  }

  #reserve(nVertices, nIndices) {
    if (4 * (this.#nVertices + nVertices) > this.#normals.length) {
      this.#positions = grow(this.#positions);
      this.#normals = grow(this.#normals);
    }
    if (this.#nIndices + nIndices > this.#indices.length) this.#indices = grow(this.#indices);
  }

  #contourBrick(grid, x0, y0, z0, level, cases) {
    const { data, shape } = grid;
    const ny = shape[1];
    const nx = shape[2];
    const cx = Math.min(BRICK, nx - 1 - x0);
    const cy = Math.min(BRICK, ny - 1 - y0);
    const cz = Math.min(BRICK, shape[0] - 1 - z0);
    this.#findInside(data, ny, nx, (z0 * ny + y0) * nx + x0, cx, cy, cz, Math.ceil(level) - 1);
    const rows = this.#rows;
    const ofRow = (1 << cx) - 1;
    const firstVertex = this.#nVertices;
    for (let z = 0; z < cz; z++) {
      for (let y = 0; y < cy; y++) {
        const row = z * POINTS + y;
        const a = rows[row];
        const b = rows[row + 1];
        const c = rows[row + POINTS];
        const d = rows[row + POINTS + 1];
        const any = a | b | c | d;
        const all = a & b & c & d;
        // a bit for each cell of the row that has corners inside and corners outside
        let cells = (any | (any >> 1)) & ~(all & (all >> 1)) & ofRow;
        while (cells) {
          const x = 31 - Math.clz32(cells & -cells);
          cells &= cells - 1;
          const inside = ((a >> x) & 3) | (((b >> x) & 3) << 2) | (((c >> x) & 3) << 4) | (((d >> x) & 3) << 6);
          this.#addCell(data, shape, x0, y0, z0, 3 * (row * POINTS + x), firstVertex, level, cases, inside);
        }
      }
    }
  }

  /** For each row of points of a brick, a bit for each point that is inside. */
  #findInside(data, ny, nx, first, cx, cy, cz, below) {
    const rows = this.#rows;
    for (let z = 0; z <= cz; z++) {
      for (let y = 0; y <= cy; y++) {
        const start = first + (z * ny + y) * nx;
        let bits = 0;
        for (let x = 0; x <= cx; x++) bits |= ((below - data[start + x]) >>> 31) << x; // the sign bit: no branch to guess
        rows[z * POINTS + y] = bits;
      }
    }
  }

  #addCell(data, shape, x0, y0, z0, slotOfCell, firstVertex, level, cases, inside) {
    const { start, edges } = cases;
    const slots = this.#vertexInSlot;
    const indices = this.#indices;
    const end = start[inside + 1];
    let n = this.#nIndices;
    for (let i = start[inside]; i < end; i++) {
      const slot = slotOfCell + SLOT_OF_EDGE[edges[i]];
      let vertex = slots[slot];
      if (vertex < firstVertex) {
        // it is of a brick before this one
        vertex = slots[slot] = this.#nVertices++;
        const point = (slot / 3) | 0;
        const row = (point / POINTS) | 0;
        const x = x0 + point - row * POINTS;
        const plane = (row / POINTS) | 0;
        this.#addVertex(data, shape, x, y0 + row - plane * POINTS, z0 + plane, slot - 3 * point, level, vertex);
      }
      indices[n++] = vertex;
    }
    this.#nIndices = n;
  }

  /** Put a vertex where the edge from a point along an axis crosses the level. Plain variables: this runs for every vertex while a slider moves. */
  #addVertex(data, shape, x, y, z, axis, level, vertex) {
    const nx = shape[2];
    const plane = shape[1] * nx;
    const i = z * plane + y * nx + x;
    const j = i + (axis === 0 ? 1 : axis === 1 ? nx : plane);
    const t = (level - data[i]) / (data[j] - data[i]);
    const s = 1 - t;
    const x1 = axis === 0 ? x + 1 : x;
    const y1 = axis === 1 ? y + 1 : y;
    const z1 = axis === 2 ? z + 1 : z;
    const positions = this.#positions;
    positions[3 * vertex] = x + t * (x1 - x);
    positions[3 * vertex + 1] = y + t * (y1 - y);
    positions[3 * vertex + 2] = z + t * (z1 - z);

    // gradients at both ends of the edge; at a face of the box the difference is one-sided
    const xEnd = nx - 1;
    const yEnd = shape[1] - 1;
    const zEnd = shape[0] - 1;
    let gx = s * (data[x > 0 ? i - 1 : i] - data[x < xEnd ? i + 1 : i]);
    let gy = s * (data[y > 0 ? i - nx : i] - data[y < yEnd ? i + nx : i]);
    let gz = s * (data[z > 0 ? i - plane : i] - data[z < zEnd ? i + plane : i]);
    gx += t * (data[x1 > 0 ? j - 1 : j] - data[x1 < xEnd ? j + 1 : j]);
    gy += t * (data[y1 > 0 ? j - nx : j] - data[y1 < yEnd ? j + nx : j]);
    gz += t * (data[z1 > 0 ? j - plane : j] - data[z1 < zEnd ? j + plane : j]);
    const scale = UNIT / Math.sqrt(gx * gx + gy * gy + gz * gz + 1e-9);
    const normals = this.#normals;
    normals[4 * vertex] = gx * scale;
    normals[4 * vertex + 1] = gy * scale;
    normals[4 * vertex + 2] = gz * scale;
  }
}

function grow(array) {
  const larger = new array.constructor(2 * array.length);
  larger.set(array);
  return larger;
}
