/** The contour level of a map: a slider over its histogram, and the level as a number. */

import { html } from "htm/preact";

const STEPS = 1000;
const [WIDTH, HEIGHT] = [256, 40];

/** Outline of a histogram whose bars stand for the logarithm of counts: else solvent is all that is seen. */
function drawHistogram(counts) {
  const highest = Math.log1p(Math.max(...counts));
  const width = WIDTH / counts.length;
  const tops = counts.map((count, i) => `L${(i * width).toFixed(1)} ${(HEIGHT * (1 - Math.log1p(count) / highest)).toFixed(1)}h${width.toFixed(2)}`);
  return `M0 ${HEIGHT}${tops.join("")}V${HEIGHT}Z`;
}

/** A density with the digits that matter in a map that spans so much. */
function formatLevel(level, { low, high }) {
  const digits = Math.max(0, 3 - Math.floor(Math.log10(high - low || 1)));
  return level.toFixed(Math.min(digits, 10));
}

/**
 * The level of one map.
 * @param {{map: import("./shown_map.js").ShownMap}} props
 */
export function LevelSlider({ map }) {
  const header = map.header.value;
  if (!header) return null;
  const { low, high, mean, sd, histogram } = header;
  const level = map.level.value;
  const share = (level - low) / (high - low || 1);
  const setLevel = (value) => {
    if (Number.isFinite(value)) map.level.value = Math.min(Math.max(value, low), high);
  };
  const label = `Contour level of ${map.title}`;
  return html`
    <div class="level">
      <svg class="level-histogram" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
        <path d=${drawHistogram(histogram)} />
        <line x1=${share * WIDTH} x2=${share * WIDTH} y1="0" y2=${HEIGHT} stroke=${map.color.value} />
      </svg>
      <input type="range" class="level-range" min="0" max=${STEPS} step="1" value=${Math.round(share * STEPS)} aria-label=${label}
        aria-valuetext=${formatLevel(level, header)} onInput=${(event) => setLevel(low + (event.target.value / STEPS) * (high - low))} />
      <div class="level-typed">
        <label>Level <input type="number" step="any" class="field-input" value=${formatLevel(level, header)} aria-label=${`${label}, typed`}
          onChange=${(event) => setLevel(parseFloat(event.target.value))} /></label>
        <span class="muted">${sd > 0 ? `${((level - mean) / sd).toFixed(1)} sd above the mean` : ""}</span>
      </div>
    </div>`;
}
