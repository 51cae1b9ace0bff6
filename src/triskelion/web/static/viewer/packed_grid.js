/** The binary form in which the server sends maps, labels and distances: the length of a JSON header, the header, the values. */

const TYPES = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array };

/**
 * Take a packed grid apart.
 * @param {ArrayBuffer} buffer
 * @param {"uint8"|"uint16"|"uint32"} dtype of the values, where the header does not say
 * @returns {{header: object, data: Uint8Array|Uint16Array|Uint32Array}}
 */
export function unpackGrid(buffer, dtype) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const Values = TYPES[header.dtype ?? dtype];
  const [nz, ny, nx] = header.shape;
  return { header, data: new Values(buffer, 4 + length, nz * ny * nx) };
}

/**
 * Fetch a packed grid.
 * @param {string} url
 * @param {"uint8"|"uint16"|"uint32"} dtype
 * @returns {Promise<{header: object, data: Uint8Array|Uint16Array|Uint32Array}>}
 */
export async function fetchGrid(url, dtype) {
  const response = await fetch(url);
  if (!response.ok) {
    const answer = await response.json().catch(() => ({}));
    throw new Error(answer.error ?? `the server answered ${response.status} ${response.statusText}`);
  }
  return unpackGrid(await response.arrayBuffer(), dtype);
}
