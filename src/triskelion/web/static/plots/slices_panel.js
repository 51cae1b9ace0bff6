/**
 * Slices of maps along the three axes, drawn from the stored bytes: going through iterations asks the server for no picture.
 *
 * A panel is {kind: "slices", title, box_px, pixel_size_A, through: [x, y, z], cross: [x, y, z]|null, rows: [{label, xy, xz, yz}]}.
 */
import { html } from "htm/preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { formatNumber } from "../lib/format.js";
import { drawGrey, greyLevels, unpackImage } from "./images.js";

const PLANES = { xy: [0, 1, 2], xz: [0, 2, 1], yz: [1, 2, 0] }; // right, up, across
const BAR_SHARE = 0.25; // of the box: about as long is the scale bar

/** A round length that makes a good scale bar. */
function chooseBar(edge_A) {
  const wanted = edge_A * BAR_SHARE;
  const power = 10 ** Math.floor(Math.log10(wanted));
  return [5, 2, 1].find((each) => each * power <= wanted) * power;
}

function Slice({ panel, plane, image, levels, hasBar, tell }) {
  const canvas = useRef(null);
  useLayoutEffect(() => drawGrey(canvas.current, image, levels), [image, levels]);
  const [right, up, across] = PLANES[plane];
  const { box_px: box, cross } = panel;
  const read = (event) => {
    const area = event.currentTarget.getBoundingClientRect();
    const place = [...panel.through];
    place[right] = ((event.clientX - area.left) / area.width) * box - 0.5;
    place[up] = (1 - (event.clientY - area.top) / area.height) * box - 0.5;
    const column = Math.min(image.columns - 1, Math.floor(((place[right] + 0.5) * image.columns) / box));
    const row = Math.min(image.rows - 1, Math.max(0, Math.floor(((place[up] + 0.5) * image.rows) / box)));
    const value = image.valueOf(image.levels[row * image.columns + column]);
    tell(`${place.map((each) => each.toFixed(1)).join(",")} px: ${formatNumber(value)}`);
  };
  const bar = chooseBar(box * panel.pixel_size_A);
  const length = (100 * bar) / (box * panel.pixel_size_A);
  const percent = (value) => `${(100 * (value + 0.5)) / box}%`;
  return html`<div class="slice" onPointerMove=${read} onPointerLeave=${() => tell("")}>
    <canvas ref=${canvas} role="img" aria-label="slice ${plane} at ${"xyz"[across]} = ${panel.through[across]} px"></canvas>
    ${cross && html`<i class="cross-up" style="left:${percent(cross[right])}"></i><i class="cross-right" style="bottom:${percent(cross[up])}"></i>`}
    ${hasBar && html`<span class="slice-bar" style="width:${length}%"><b>${bar} Å</b></span>`}
  </div>`;
}

function Row({ panel, row, isFirst, tell }) {
  const images = useMemo(() => Object.keys(PLANES).map((plane) => unpackImage(row[plane])), [row]);
  const levels = useMemo(() => greyLevels(images), [images]);
  return html`<span class="slice-label">${row.label}</span>
    ${Object.keys(PLANES).map((plane, i) => html`<${Slice} key=${plane} panel=${panel} plane=${plane} image=${images[i]} levels=${levels}
      hasBar=${isFirst && i === 0} tell=${tell} />`)}`;
}

/** The panel; the pointer reads position and density. */
export function SlicesPanel({ panel }) {
  const [words, tell] = useState("");
  const title = (plane) => `${plane}, ${"xyz"[PLANES[plane][2]]} = ${panel.through[PLANES[plane][2]]} px`;
  return html`<div class="slices-plot"><span></span>${Object.keys(PLANES).map((plane) => html`<span class="slice-title">${title(plane)}</span>`)}
    ${panel.rows.map((row, i) => html`<${Row} key=${row.label} panel=${panel} row=${row} isFirst=${i === 0} tell=${tell} />`)}
    <output class="slice-words small muted">${words}</output></div>`;
}

/** Plot name -> panels. */
export const SLICES = {
  map_slices: (data) => [{
    kind: "slices", title: "", box_px: data.box_px, pixel_size_A: data.pixel_size_A, through: data.through_xyz_px, cross: data.fulcrum_xyz_px,
      rows: data.rows,
  }],
};
