/**
 * A table of numbers, coloured by value.
 *
 * A panel is {kind: "grid", title, values: [[number|null]], rows: [text], columns: [text], colors, low, high, write: (value) => text,
 *   isStrong?: (row, column) => bool, frame?: [row, column], dots?: (row, column) => bool, rowTitle?, columnTitle?, blank?: text}.
 */
import { html } from "htm/preact";
import { colorAt, isLight } from "./palette.js";

const [LEFT, TOP, CELL_HEIGHT, GAP, LETTER_PX] = [64, 34, 26, 1.5, 6.2];
const [WIDEST, NARROWEST] = [96, 40];

/** The panel. */
export function GridPanel({ panel }) {
  const { values, rows, columns } = panel;
  const left = Math.max(LEFT, Math.max(...rows.map((text) => text.length)) * LETTER_PX + 12);
  const cell = Math.min(WIDEST, Math.max(NARROWEST, Math.max(...columns.map((text) => text.length)) * LETTER_PX + 8, 340 / columns.length));
  const [width, height] = [left + columns.length * cell + 10, TOP + rows.length * CELL_HEIGHT + 8];
  const share = (value) => (panel.high > panel.low ? (value - panel.low) / (panel.high - panel.low) : 0.5);
  const drawCell = (value, row, column) => {
    const [x, y] = [left + column * cell, TOP + row * CELL_HEIGHT];
    if (value === null || value === undefined) return html`<text class="faint" x=${x + cell / 2} y=${y + 17} text-anchor="middle">
      ${panel.blank ?? ""}</text>`;
    const isFramed = panel.frame && panel.frame[0] === row && panel.frame[1] === column;
    return html`<g><rect x=${x} y=${y} width=${cell - GAP} height=${CELL_HEIGHT - GAP} rx="2" fill=${colorAt(panel.colors, share(value))}
      class=${isFramed ? "framed" : ""} />
      <text x=${x + cell / 2} y=${y + 17} text-anchor="middle" class=${panel.isStrong?.(row, column) ? "strong" : ""}
        fill=${isLight(panel.colors, share(value)) ? "#15191d" : "#ffffff"}>${panel.write(value)}${panel.dots?.(row, column) ? " •" : ""}</text></g>`;
  };
  return html`<svg class="plot grid-plot" viewBox="0 0 ${width} ${height}" style="max-width:${Math.round(1.15 * width)}px" role="img"
    aria-label=${panel.title}>
    ${panel.rowTitle && html`<text class="label" x=${left - 8} y="14" text-anchor="end">${panel.rowTitle}</text>`}
    ${panel.columnTitle && html`<text class="label" x=${left} y="14">${panel.columnTitle}</text>`}
    ${columns.map((text, i) => html`<text x=${left + (i + 0.5) * cell} y=${TOP - 6} text-anchor="middle">${text}</text>`)}
    ${rows.map((text, i) => html`<text x=${left - 8} y=${TOP + i * CELL_HEIGHT + 17} text-anchor="end">${text}</text>`)}
    ${values.map((row, i) => row.map((value, j) => drawCell(value, i, j)))}
  </svg>`;
}
