/** Colours of maps and regions: told apart by people who see colours differently, and readable on light and dark paper. */

const OF_MAPS = ["#8fa7bf", "#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#d55e00", "#f0e442", "#0072b2"];
const GOLDEN_ANGLE_DEG = 137.508;
const LIGHTNESSES = [62, 52, 70];

/** The colour of the n-th map of a view. @param {number} n @returns {string} */
export function colorOfMap(n) {
  return OF_MAPS[n % OF_MAPS.length];
}

/**
 * The colour of a region, the same as long as it lives: neighbours in number lie far apart on the colour wheel.
 * @param {number} number
 * @returns {string}
 */
export function colorOfRegion(number) {
  const hue = (number * GOLDEN_ANGLE_DEG) % 360;
  return hslToHex(hue, 55, LIGHTNESSES[number % LIGHTNESSES.length]);
}

/**
 * Any colour that CSS knows, as the scene and colour fields want it.
 * @param {string} color such as var(--blue)
 * @returns {string} #rrggbb as it looks in the theme of the page now
 */
export function resolveColor(color) {
  const probe = document.createElement("span");
  probe.style.color = color;
  document.body.append(probe);
  const channels = getComputedStyle(probe).color.match(/[\d.]+/g) ?? [128, 128, 128];
  probe.remove();
  return `#${channels.slice(0, 3).map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;
}

function hslToHex(hue, saturation, lightness) {
  const chroma = (saturation / 100) * Math.min(lightness / 100, 1 - lightness / 100);
  const channel = (n) => {
    const k = (n + hue / 30) % 12;
    const value = lightness / 100 - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(255 * value).toString(16).padStart(2, "0");
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}
