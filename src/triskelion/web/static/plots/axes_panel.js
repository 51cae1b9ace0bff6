/**
 * A panel with two axes: lines, bars, bands and marks, drawn as SVG from plain numbers, with what is under the pointer in words.
 *
 * A panel is {title, xLabel, yLabel, x: [low, high], y: [low, high], yLog?, isFrequency?, integerX?, legend?: "below"|"inside",
 *   lines: [{label, color, x, y, dash?, width?, dots?}], bars: [{label, color, edges, counts, opacity?, outline?}],
 *   bands: [{label, color, x, low, high}],
 *   verticals: [{x, text?, color, dash?}], horizontals: [{y, text?}], points: [{x, y, text, color}]}.
 */
import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { formatNumber, formatResolution } from "../lib/format.js";
import { chooseResolutions, logTicks, makeScale, roundTicks, tickText } from "./scale.js";

const HEIGHT = 250;
const MARGIN = { left: 54, right: 14, top: 12, bottom: 38, frequencyTop: 40 };
const WIDTH = 420;
const LINE_PX = 15;
const LEGEND_COLUMN_PX = 184;
const ROOM_FOR_POINT_PX = 36;

const legendOf = (panel) => (panel.legend ? [...(panel.bands ?? []), ...(panel.bars ?? []), ...panel.lines].filter((each) => each.label) : []);

function frame(panel) {
  const rows = panel.legend === "below" ? Math.ceil(legendOf(panel).length / 2) : 0;
  return { left: MARGIN.left, right: WIDTH - MARGIN.right, top: panel.isFrequency ? MARGIN.frequencyTop : MARGIN.top,
    bottom: HEIGHT - MARGIN.bottom, height: HEIGHT + rows * LINE_PX + (rows ? 6 : 0) };
}

/** A path through the points that are there; a missing value leaves a gap. */
function linePath(x, y, scaleX, scaleY) {
  let [path, isDown] = ["", false];
  y.forEach((value, i) => {
    if (value === null || value === undefined || !Number.isFinite(value)) {
      isDown = false;
      return;
    }
    path += `${isDown ? "L" : "M"}${scaleX(x[i]).toFixed(1)},${scaleY(value).toFixed(1)}`;
    isDown = true;
  });
  return path;
}

function barPath({ edges, counts }, scaleX, scaleY) {
  let path = `M${scaleX(edges[0]).toFixed(1)},${scaleY(0).toFixed(1)}`;
  counts.forEach((count, i) => {
    path += `V${scaleY(count).toFixed(1)}H${scaleX(edges[i + 1]).toFixed(1)}`;
  });
  return `${path}V${scaleY(0).toFixed(1)}`;
}

function bandPath({ x, low, high }, scaleX, scaleY) {
  const there = x.map((_, i) => i).filter((i) => low[i] !== null && high[i] !== null);
  const up = there.map((i) => `${scaleX(x[i]).toFixed(1)},${scaleY(high[i]).toFixed(1)}`);
  const down = there.reverse().map((i) => `${scaleX(x[i]).toFixed(1)},${scaleY(low[i]).toFixed(1)}`);
  return up.length ? `M${up.join("L")}L${down.join("L")}Z` : "";
}

function Axes({ panel, area, scaleX, scaleY }) {
  const xTicks = panel.integerX ? roundTicks(panel.x, 5).filter(Number.isInteger) : roundTicks(panel.x, 5);
  const yTicks = panel.yLog ? logTicks(panel.y) : roundTicks(panel.y, 5);
  const resolutions = panel.isFrequency ? chooseResolutions(panel.x[1]) : [];
  const middle = (area.left + area.right) / 2;
  return html`<g class="axes">
    ${yTicks.map((tick) => html`<g><line class="grid" x1=${area.left} x2=${area.right} y1=${scaleY(tick)} y2=${scaleY(tick)} />
      <text x=${area.left - 6} y=${scaleY(tick) + 3.5} text-anchor="end">${tickText(tick)}</text></g>`)}
    ${xTicks.map((tick) => html`<g><line class="tick" x1=${scaleX(tick)} x2=${scaleX(tick)} y1=${area.bottom} y2=${area.bottom + 4} />
      <text x=${scaleX(tick)} y=${area.bottom + 15} text-anchor="middle">${tickText(tick)}</text></g>`)}
    ${resolutions.map((value) => html`<g><line class="tick" x1=${scaleX(1 / value)} x2=${scaleX(1 / value)} y1=${area.top} y2=${area.top - 4} />
      <text x=${scaleX(1 / value)} y=${area.top - 7} text-anchor="middle">${value}</text></g>`)}
    <path class="frame" d="M${area.left},${area.top}V${area.bottom}H${area.right}" />${panel.isFrequency && html`<path class="frame"
      d="M${area.left},${area.top}H${area.right}" />`}
    <text class="label" x=${middle} y=${HEIGHT - 6} text-anchor="middle">${panel.xLabel}</text>
    ${panel.isFrequency && html`<text class="label" x=${middle} y="13" text-anchor="middle">resolution (Å)</text>`}
    <text class="label" transform="translate(12 ${(area.top + area.bottom) / 2}) rotate(-90)" text-anchor="middle">${panel.yLabel}</text></g>`;
}

function Marks({ panel, area, scaleX, scaleY }) {
  const side = (x) => (scaleX(x) > (area.left + area.right) / 2 ? -1 : 1);
  return html`<g class="marks">
    ${(panel.horizontals ?? []).map(({ y, text }) => html`<g><line
      class="threshold" x1=${area.left} x2=${area.right} y1=${scaleY(y)} y2=${scaleY(y)} />
      ${text && html`<text class="faint" x=${area.left + 4} y=${scaleY(y) - 3}>${text}</text>`}</g>`)}
    ${(panel.verticals ?? []).map(({ x, text, color, dash = "4 3", height = 0 }) => html`<g>
      <line x1=${scaleX(x)} x2=${scaleX(x)} y1=${area.top} y2=${area.bottom} stroke=${color} stroke-dasharray=${dash} stroke-width="1.2" />
      ${(text ?? "").split("\n").map((line, i) => html`<text x=${scaleX(x) + 5 * side(x)} y=${area.top + 10 + 13 * (i + height)} fill=${color}
        text-anchor=${side(x) > 0 ? "start" : "end"}>${line}</text>`)}</g>`)}
    ${(panel.points ?? []).map(({ x, y, text, color }) => {
      const isAtEnd = scaleX(x) > area.right - ROOM_FOR_POINT_PX;
      return html`<g><circle cx=${scaleX(x)} cy=${scaleY(y)} r="3.5" fill=${color} />
        <text class="strong" x=${scaleX(x) + (isAtEnd ? -7 : 6)} y=${scaleY(y) - 6} fill=${color} text-anchor=${isAtEnd ? "end" : "start"}>${text}
          </text></g>`;
    })}</g>`;
}

function Legend({ panel, area }) {
  const isInside = panel.legend === "inside";
  return html`<g class="legend">${legendOf(panel).map((each, i) => {
    const x = isInside ? area.right - 6 : area.left - 20 + (i % 2) * LEGEND_COLUMN_PX;
    const y = isInside ? area.top + 8 + i * LINE_PX : HEIGHT + 12 + Math.floor(i / 2) * LINE_PX;
    const isFilled = Boolean(each.counts || each.low);
    return html`<g><line x1=${isInside ? x - 18 : x} x2=${isInside ? x : x + 18} y1=${y - 3.5} y2=${y - 3.5} stroke=${each.color}
      stroke-width=${isFilled ? 7 : (each.width ?? 1.6)}
        stroke-dasharray=${each.dash ?? null} opacity=${isFilled ? 0.6 : 1} />
      <text x=${isInside ? x - 24 : x + 24} y=${y} text-anchor=${isInside ? "end" : "start"} class=${each.width > 2 ? "strong" : ""}>${each.label}
        </text></g>`;
  })}</g>`;
}

/** What there is at a place: the nearest point of each line, or the bar. */
function readAt(panel, value) {
  const rows = [];
  let at = value;
  for (const line of panel.lines) {
    if (!line.x.length || line.isGuide) continue;
    let nearest = 0;
    line.x.forEach((x, i) => {
      if (Math.abs(x - value) < Math.abs(line.x[nearest] - value)) nearest = i;
    });
    const y = line.y[nearest];
    if (y === null || y === undefined) continue;
    at = line.x[nearest];
    rows.push({ label: line.label ?? panel.yLabel, color: line.color, y, text: formatNumber(y) });
  }
  for (const bars of panel.bars ?? []) {
    const bin = bars.edges.findIndex((edge, i) => i + 1 < bars.edges.length && value >= edge && value <= bars.edges[i + 1]);
    if (bin >= 0) rows.push({ label: bars.label ?? `${formatNumber(bars.edges[bin])} to ${formatNumber(bars.edges[bin + 1])}`, color: bars.color,
      y: bars.counts[bin], text: formatNumber(bars.counts[bin]), isBar: true });
  }
  return { at, rows };
}

function Tip({ panel, area, seen, scaleX, scaleY }) {
  const { at, rows } = seen;
  const x = scaleX(at);
  const isBars = rows.every((row) => row.isBar);
  const head = panel.isFrequency && at > 0 ? `${formatResolution(1 / at)} · ${formatNumber(at)} 1/Å`
    : `${panel.xName ?? panel.xLabel.replace(/ \(.*\)/, "")} ${formatNumber(at)}`;
  const lines = [isBars ? `${head}${rows.length ? "" : ": none"}` : head, ...rows.map((row) => `${row.label}  ${row.text}`)];
  const width = Math.max(...lines.map((line) => line.length)) * 5.9 + 22;
  const height = lines.length * LINE_PX + 8;
  const left = x + width + 12 > area.right ? x - width - 10 : x + 10;
  return html`<g class="tip"><line class="reading" x1=${x} x2=${x} y1=${area.top} y2=${area.bottom} />
    ${rows.filter((row) => !row.isBar).map((row) => html`<circle cx=${x} cy=${scaleY(row.y)} r="3" fill=${row.color} />`)}
    <g transform="translate(${Math.max(2, left)} ${area.top + 4})"><rect width=${width} height=${height} rx="5" />
      ${lines.map((line, i) => html`<g>${i > 0 && html`<circle cx="10" cy=${i * LINE_PX + 11} r="3.2" fill=${rows[i - 1].color} />`}
        <text x=${i > 0 ? 18 : 8} y=${i * LINE_PX + 15} class=${i ? "" : "strong"}>${line}</text></g>`)}</g></g>`;
}

/**
 * The panel; the pointer or the arrow keys read values off it.
 * @param {{panel: object}} props
 */
export function AxesPanel({ panel }) {
  const [value, setValue] = useState(null);
  const area = frame(panel);
  const scaleX = makeScale(panel.x, [area.left, area.right]);
  const scaleY = makeScale(panel.y, [area.bottom, area.top], panel.yLog);
  const move = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = scaleX.invert(((event.clientX - box.left) / box.width) * WIDTH);
    setValue(at >= panel.x[0] && at <= panel.x[1] ? at : null);
  };
  const keys = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const now = value ?? panel.x[0];
    setValue(Math.min(panel.x[1], Math.max(panel.x[0], now + (step * (panel.x[1] - panel.x[0])) / 50)));
  };
  const seen = value === null ? null : readAt(panel, value);
  const parts = { panel, area, scaleX, scaleY };
  const clip = `clip-${area.right}-${area.top}`;
  return html`<svg class="plot" viewBox="0 0 ${WIDTH} ${area.height}" role="img" aria-label=${panel.title} tabindex="0" onPointerMove=${move}
    onPointerLeave=${() => setValue(null)} onKeyDown=${keys}
      onBlur=${() => setValue(null)}>
    <clipPath id=${clip}><rect x=${area.left} y=${area.top - 2} width=${area.right - area.left} height=${area.bottom - area.top + 2} /></clipPath>
    <${Axes} ...${parts} />
    <g clip-path="url(#${clip})">
      ${(panel.bands ?? []).map((band) => html`<path d=${bandPath(band, scaleX, scaleY)} fill=${band.color} opacity="0.25" />`)}
      ${(panel.bars ?? []).map((bars) => html`<path d=${barPath(bars, scaleX, scaleY)} fill=${bars.color} fill-opacity=${bars.opacity ?? 0.8}
        stroke=${bars.outline ? bars.color : "none"} stroke-width="1.4" />`)}
      ${panel.lines.map((line) => html`<path d=${linePath(line.x, line.y, scaleX, scaleY)} fill="none" stroke=${line.color}
        stroke-width=${line.width ?? 1.6} stroke-dasharray=${line.dash ?? null} stroke-linejoin="round" />`)}
      ${panel.lines.filter((line) => line.dots).map((line) => line.x.map((x, i) => line.y[i] !== null && html`<circle cx=${scaleX(x)}
        cy=${scaleY(line.y[i])} r="2.8" fill=${line.color} />`))}
    </g>
    <${Marks} ...${parts} /><${Legend} ...${parts} />
    ${seen && html`<${Tip} seen=${seen} ...${parts} />`}
  </svg>`;
}
