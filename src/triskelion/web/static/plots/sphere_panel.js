/**
 * Quantities over the sphere of directions as a Mollweide map: cells of nearly equal area, as plots/sphere.py counts them.
 *
 * A panel is {kind: "sphere", title, isBad?, nRings, values, label, colors: "viridis"|"cividis", low, high, isLog?}.
 */
import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { formatNumber } from "../lib/format.js";
import { colorAt } from "./palette.js";
import { makeScale } from "./scale.js";

const [WIDTH, HEIGHT] = [420, 250];
const [CENTER_X, CENTER_Y, RADIUS] = [212, 102, 184]; // px; the map is twice as wide as high
const [BAR_LEFT, BAR_RIGHT, BAR_Y] = [110, 314, 212];
const BAR_STEPS = 48;
const EDGE_POINTS = 5;

const radians = (degrees) => (degrees * Math.PI) / 180;

/** Number of cells of each ring. */
function ringSizes(nRings) {
  return Array.from({ length: nRings }, (_, i) => Math.max(3, Math.round(2 * nRings * Math.cos(radians(((i + 0.5) * 180) / nRings - 90)))));
}

/** The t of an elevation: 2 t + sin 2t = pi sin(elevation), by Newton's method. */
function auxiliaryAngle(elevation) {
  if (Math.abs(elevation) > 89.99) return radians(elevation);
  const target = Math.PI * Math.sin(radians(elevation));
  let t = radians(elevation) * 0.9;
  for (let i = 0; i < 20; i += 1) t -= (2 * t + Math.sin(2 * t) - target) / (2 + 2 * Math.cos(2 * t));
  return t;
}

function place(azimuth, elevation) {
  const t = auxiliaryAngle(elevation);
  return [CENTER_X + RADIUS * (azimuth / 180) * Math.cos(t), CENTER_Y - (RADIUS / 2) * Math.sin(t)];
}

/** The outline of every cell, and where its middle is. */
function makeCells(nRings) {
  const cells = [];
  ringSizes(nRings).forEach((size, ring) => {
    const [low, high] = [(ring * 180) / nRings - 90, ((ring + 1) * 180) / nRings - 90];
    const up = Array.from({ length: EDGE_POINTS }, (_, i) => low + ((high - low) * i) / (EDGE_POINTS - 1));
    for (let i = 0; i < size; i += 1) {
      const [left, right] = [(i * 360) / size - 180, ((i + 1) * 360) / size - 180];
      const points = [...up.map((elevation) => place(left, elevation)), ...[...up].reverse().map((elevation) => place(right, elevation))];
      cells.push({ path: `M${points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L")}Z`, azimuth: (left + right) / 2,
        elevation: (low + high) / 2 });
    }
  });
  return cells;
}

const cellsOf = new Map(); // by number of rings: a few sizes occur, each again and again

function Graticule() {
  const written = ([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`;
  const meridian = (azimuth) => `M${Array.from({ length: 37 }, (_, i) => written(place(azimuth, 5 * i - 90))).join("L")}`;
  return html`<g class="graticule">${[-120, -60, 0, 60, 120].map((azimuth) => html`<path d=${meridian(azimuth)} />`)}
    ${[-60, -30, 0, 30, 60].map((elevation) => {
      const [x, y] = place(180, elevation);
      return html`<g><path d="M${2 * CENTER_X - x},${y}H${x}" /><text x=${2 * CENTER_X - x - 5} y=${y + 3.5} text-anchor="end">
        ${String(elevation).replace("-", "−")}°</text></g>`;
    })}
    <ellipse class="outline" cx=${CENTER_X} cy=${CENTER_Y} rx=${RADIUS} ry=${RADIUS / 2} /></g>`;
}

function ColorBar({ panel }) {
  const step = (BAR_RIGHT - BAR_LEFT) / BAR_STEPS;
  return html`<g class="color-bar">${Array.from({ length: BAR_STEPS }, (_, i) => html`<rect x=${BAR_LEFT + i * step} y=${BAR_Y} width=${step + 0.5}
    height="8" fill=${colorAt(panel.colors, i / (BAR_STEPS - 1))} />`)}
    <text x=${BAR_LEFT - 6} y=${BAR_Y + 8} text-anchor="end">${formatNumber(panel.low)}</text><text x=${BAR_RIGHT + 6} y=${BAR_Y + 8}>
      ${formatNumber(panel.high)}</text>
    <text class="label" x=${(BAR_LEFT + BAR_RIGHT) / 2} y=${BAR_Y + 23} text-anchor="middle">${panel.label}</text></g>`;
}

/** The panel; the pointer reads direction and value. */
export function SpherePanel({ panel }) {
  const [seen, setSeen] = useState(null);
  if (!cellsOf.has(panel.nRings)) cellsOf.set(panel.nRings, makeCells(panel.nRings));
  const cells = cellsOf.get(panel.nRings);
  const share = makeScale([panel.low, panel.high], [0, 1], panel.isLog);
  const words = seen === null ? ""
    : `azimuth ${Math.round(cells[seen].azimuth)}°, elevation ${Math.round(cells[seen].elevation)}°: ${formatNumber(panel.values[seen])}`;
  return html`<svg class="plot" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label=${panel.title} onPointerLeave=${() => setSeen(null)}>
    <g class="cells">${cells.map((cell, i) => {
      const value = panel.values[i];
      const color = value === null || value === undefined ? "none" : colorAt(panel.colors, share(value));
      return html`<path d=${cell.path} fill=${color} stroke=${color} onPointerEnter=${() => setSeen(i)} />`;
    })}</g>
    <${Graticule} /><${ColorBar} panel=${panel} /><text class="strong" x=${CENTER_X} y=${HEIGHT - 3} text-anchor="middle">${words}</text>
  </svg>`;
}

/** The solid angle of every cell of a map, as a share of the sphere. */
export function cellShares(nRings) {
  const edges = Array.from({ length: nRings + 1 }, (_, i) => Math.sin(radians((i * 180) / nRings - 90)));
  return ringSizes(nRings).flatMap((size, ring) => Array(size).fill((edges[ring + 1] - edges[ring]) / (2 * size)));
}
