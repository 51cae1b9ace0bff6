/** Colour scales: a number from 0 to 1 becomes a colour. The anchors are matplotlib's, with straight lines between them. */

const ANCHORS = {
  viridis: ["#440154", "#482878", "#3e4a89", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"],
  cividis: ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"],
  balance: ["#053061", "#2f79b5", "#75b3d4", "#c2ddec", "#f7f6f6", "#fbcfb8", "#ec9274", "#c13639", "#67001f"],
};

const channels = (hex) => [1, 3, 5].map((place) => parseInt(hex.slice(place, place + 2), 16));

/**
 * The colour of a share of a scale.
 * @param {"viridis"|"cividis"|"balance"} name
 * @param {number} share from 0 to 1; beyond, the end of the scale
 */
export function colorAt(name, share) {
  const anchors = ANCHORS[name];
  const place = Math.min(1, Math.max(0, share)) * (anchors.length - 1);
  const below = Math.min(anchors.length - 2, Math.floor(place));
  const [from, to] = [channels(anchors[below]), channels(anchors[below + 1])];
  return `rgb(${from.map((value, i) => Math.round(value + (to[i] - value) * (place - below))).join(" ")})`;
}

/** Whether text on such a colour had better be dark. */
export function isLight(name, share) {
  const [red, green, blue] = colorAt(name, share).match(/\d+/g).map(Number);
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140;
}
