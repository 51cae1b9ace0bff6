/** Which plots the page draws by itself, and with what. Those that are pictures come as pictures from the server. */
import { html } from "htm/preact";
import { AxesPanel } from "./axes_panel.js";
import { CURVES } from "./curves.js";
import { GridPanel } from "./grid_panel.js";
import { GRIDS } from "./grids.js";
import { HISTOGRAMS } from "./histograms.js";
import { SLICES, SlicesPanel } from "./slices_panel.js";
import { SpherePanel } from "./sphere_panel.js";
import { SPHERES } from "./spheres.js";

const PANELS = { ...CURVES, ...HISTOGRAMS, ...SPHERES, ...GRIDS, ...SLICES };
const KINDS = { sphere: SpherePanel, grid: GridPanel, slices: SlicesPanel };

/** Whether the page can draw a plot from its data. */
export const isDrawn = (name) => name in PANELS;

/**
 * The panels of a plot, as plain data.
 * @param {string} name as in plots/registry.py
 * @param {object} data as the job stored it
 * @returns {object[]}
 */
export const describePlot = (name, data) => PANELS[name](data);

/** One panel with its title. */
export function Panel({ panel }) {
  const Kind = KINDS[panel.kind] ?? AxesPanel;
  return html`<figure class="plot-panel">
    ${panel.title && html`<figcaption class=${panel.isBad ? "bad-text" : ""}>${panel.title}</figcaption>`}<${Kind} panel=${panel} />
    </figure>`;
}
