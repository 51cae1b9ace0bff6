/**
 * The table of marching cubes: for each of the 256 ways in which the corners of a cell lie inside or outside, the polygons that separate them.
 *
 * It is made, not typed. Corner c of a cell lies at (x, y, z) = (c & 1, c >> 1 & 1, c >> 2 & 1); edge 4 a + k runs along axis a. Walking round a
 * face, seen from outside the cell, every run of inside corners is cut off by one segment, from the edge where the run is entered to the one where
 * it is left. Neighbouring cells see the same four corners of a face, so they draw the same segments, and surfaces have no holes.
 */

/** For each of the 12 edges: the corner it starts from, and its axis. @type {{corner: number, axis: number}[]} */
export const EDGES = [0, 1, 2].flatMap((axis) =>
  [0, 1, 2, 3, 4, 5, 6, 7].filter((corner) => !((corner >> axis) & 1)).map((corner) => ({ corner, axis })),
);

function edgeBetween(first, second) {
  const axis = Math.log2(first ^ second);
  const start = Math.min(first, second);
  return EDGES.findIndex((edge) => edge.corner === start && edge.axis === axis);
}

/** The corners of a face in the order in which they are met anticlockwise, seen from outside the cell. */
function cornersOfFace(axis, side) {
  const [along, across] = [1 << (axis + 1) % 3, 1 << (axis + 2) % 3];
  const corners = [0, along, along | across, across].map((corner) => corner | (side << axis));
  return side ? corners : corners.reverse();
}

const FACES = [0, 1, 2].flatMap((axis) => [0, 1].map((side) => ({ side, corners: cornersOfFace(axis, side) })));

/** The segments on one face: pairs [edge where inside is entered, edge where it is left]. */
function segmentsOnFace(inside, corners) {
  const isInside = corners.map((corner) => Boolean((inside >> corner) & 1));
  const segments = [];
  for (let i = 0; i < 4; i++) {
    if (isInside[i] || !isInside[(i + 1) % 4]) continue;
    let last = (i + 1) % 4;
    while (isInside[(last + 1) % 4]) last = (last + 1) % 4;
    segments.push([edgeBetween(corners[i], corners[(i + 1) % 4]), edgeBetween(corners[last], corners[(last + 1) % 4])]);
  }
  return segments;
}

/** The closed polygons of a case, as lists of edges, anticlockwise seen from outside the surface. */
function polygonsOfCase(inside) {
  const next = new Map(FACES.flatMap(({ corners }) => segmentsOnFace(inside, corners)));
  const polygons = [];
  while (next.size) {
    const polygon = [];
    for (let edge = next.keys().next().value; next.has(edge); ) {
      polygon.push(edge);
      const following = next.get(edge);
      next.delete(edge);
      edge = following;
    }
    polygons.push(polygon);
  }
  return polygons;
}

function trianglesOfCase(inside) {
  return polygonsOfCase(inside).flatMap((polygon) => polygon.slice(2).flatMap((edge, i) => [polygon[0], polygon[i + 1], edge]));
}

/** What a net shows: segments on the three lower faces only, as each of the upper ones is a lower one of the next cell. */
function linesOfCase(inside) {
  return FACES.filter(({ side }) => side === 0).flatMap(({ corners }) => segmentsOnFace(inside, corners).flat());
}

function packCases(edgesOfCase) {
  const lists = Array.from({ length: 256 }, (_, inside) => edgesOfCase(inside));
  const start = new Uint16Array(257);
  lists.forEach((edges, inside) => (start[inside + 1] = start[inside] + edges.length));
  return { start, edges: Uint8Array.from(lists.flat()), longest: Math.max(...lists.map((edges) => edges.length)) };
}

/**
 * Edges of all cases, packed: those of case i are edges[start[i]] to edges[start[i + 1] - 1], three a triangle or two a line.
 * @type {{surface: Packed, mesh: Packed}} @typedef {{start: Uint16Array, edges: Uint8Array, longest: number}} Packed
 */
export const CASES = { surface: packCases(trianglesOfCase), mesh: packCases(linesOfCase) };
