/** A bar of a round length, as long as it is at the middle of what is looked at. */

import { html } from "htm/preact";
import { scaleAtTarget } from "./camera.js";

const WANTED_PX = 110;
const ROUND = [1, 2, 5];

/** The longest round number that is no longer. */
function roundLength(longest) {
  const power = 10 ** Math.floor(Math.log10(longest));
  return power * (ROUND.findLast((step) => step * power <= longest) ?? 1);
}

/** @param {{camera: import("@preact/signals").Signal<import("./camera.js").View>, scene: import("./scene.js").Scene}} props */
export function ScaleBar({ camera, scene }) {
  const view = camera.value;
  if (view.distance_A === null) return null;
  const perPx_A = scaleAtTarget(view, scene.canvas.clientHeight);
  const length_A = roundLength(WANTED_PX * perPx_A);
  return html`<div class="scale-bar" style=${{ width: `${length_A / perPx_A}px` }}>${length_A} Å</div>`;
}
