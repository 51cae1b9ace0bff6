/** Three planes through the cross-hair, with the fulcrum and the mask in them. */

import { html } from "htm/preact";
import { useEffect, useRef } from "preact/hooks";
import { levelAtDistance } from "./distance_grid.js";
import { PLANES } from "./slice.js";
import { paintSlice, tintMask } from "./slice_picture.js";
import { TOOLS } from "./viewer.js";

const AXES = ["x", "y", "z"];
const WINDOW_SD = 4; // densities this many standard deviations about the mean fill the greys, as far as the map has them
const MASK_KEY = "distances";

function greyWindow({ mean, sd, low, high }) {
  const units = (density) => ((density - low) / (high - low || 1)) * 65535;
  return { low: units(Math.max(low, mean - WINDOW_SD * sd)), high: units(Math.min(high, mean + 2 * WINDOW_SD * sd)) };
}

/** The slice of the mask under a slice of the map, tinted into its picture. */
async function addMask(viewer, picture, { normal, right, up }, point_px, bin) {
  const { mask, client } = viewer;
  const distances = await client.ask("slice", { key: MASK_KEY, axis: normal, point_px });
  if (!distances.values) return;
  const { step_px } = distances.header;
  const origin = distances.frame.origin_px;
  const core = levelAtDistance(mask.dilation_px.peek(), step_px);
  const edge = levelAtDistance(mask.dilation_px.peek() + mask.padding_px.peek(), step_px);
  tintMask(picture, distances, { bin, right: origin[right], up: origin[up] }, { core, edge });
}

async function drawPlane(canvas, viewer, map, plane, point_px) {
  const slice = await viewer.client.askNewest(`slice ${plane.title}`, "slice", { key: map.key, axis: plane.normal, point_px });
  if (!slice?.values) return;
  const picture = paintSlice(slice, greyWindow(slice.header));
  if (viewer.mask.isShown.peek() && viewer.mask.header.peek()) await addMask(viewer, picture, plane, point_px, slice.frame.bin);
  canvas.width = slice.width;
  canvas.height = slice.height;
  canvas.getContext("2d").putImageData(picture, 0, 0);
  canvas.dataset.index = Math.round(point_px[plane.normal]);
}

/** Where a point of the map lies in the picture of a plane, in percent of its edges. */
function percentIn(plane, box_px, point_px) {
  const part = (axis) => (100 * (point_px[axis] + 0.5)) / box_px[axis];
  return { left: `${part(plane.right)}%`, top: `${100 - part(plane.up)}%` };
}

function Plane({ viewer, map, plane, point_px, box_px }) {
  const canvas = useRef(null);
  const { mask } = viewer;
  const watched = [map.header.value, mask.isShown.value, mask.header.value, mask.dilation_px.value, mask.padding_px.value];
  useEffect(() => {
    drawPlane(canvas.current, viewer, map, plane, point_px).catch((error) => (viewer.problem.value = error.message));
  }, [map, ...watched, point_px[plane.normal]]);
  const move = (changed) => {
    const moved = point_px.map((value, axis) => Math.min(Math.max(changed[axis] ?? value, 0), box_px[axis] - 1));
    if (viewer.tool.peek() === TOOLS.fulcrum) {
      viewer.placeFulcrum(moved);
      viewer.tool.value = TOOLS.select;
    } else viewer.crosshair_px.value = moved;
  };
  const onClick = (event) => {
    const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
    const at = (share, axis) => share * box_px[axis] - 0.5;
    move({ [plane.right]: at((event.clientX - left) / width, plane.right), [plane.up]: at(1 - (event.clientY - top) / height, plane.up) });
  };
  const step = (count) => move({ [plane.normal]: Math.round(point_px[plane.normal]) + count });
  const fulcrum = viewer.fulcrum_px.value;
  const cross = percentIn(plane, box_px, point_px);
  const axis = AXES[plane.normal];
  return html`
    <figure class="slice">
      <div class="slice-picture" onClick=${onClick} onWheel=${(event) => (event.preventDefault(), step(Math.sign(event.deltaY)))}>
        <canvas ref=${canvas} aria-label=${`Slice ${plane.title}`} role="img"></canvas>
        <span class="cross-vertical" style=${{ left: cross.left }}></span>
        <span class="cross-horizontal" style=${{ top: cross.top }}></span>
        ${fulcrum && html`<span class="slice-fulcrum" title="Fulcrum" style=${percentIn(plane, box_px, fulcrum)}></span>`}
      </div>
      <figcaption><label>${plane.title}, ${axis} =
        <input type="number" class="field-input" min="0" max=${box_px[plane.normal] - 1} step="1" value=${Math.round(point_px[plane.normal])}
          aria-label=${`${axis} of the ${plane.title} slice, px`} onChange=${(event) => move({ [plane.normal]: +event.target.value })} /> px</label>
      </figcaption>
    </figure>`;
}

/** @param {{viewer: import("./viewer.js").Viewer}} props */
export function Slices({ viewer }) {
  const maps = viewer.maps.value;
  const map = maps.find((shown) => shown.header.value && shown.isVisible.value) ?? maps.find((shown) => shown.header.value);
  useEffect(() => map || maps[0]?.want(), [map, maps]);
  if (!map) return html`<p class="muted" role="status">${maps.length ? "Waiting for the map…" : "No map is in the view: add one."}</p>`;
  const box_px = [...map.header.value.full_shape].reverse();
  const point_px = viewer.crosshair_px.value ?? viewer.fulcrum_px.value ?? map.frame.value.center_px;
  return html`<div class="slices" aria-label="Slices" role="group">
    ${PLANES.map((plane) => html`<${Plane} key=${plane.title} viewer=${viewer} map=${map} plane=${plane} point_px=${point_px} box_px=${box_px} />`)}
  </div>`;
}
