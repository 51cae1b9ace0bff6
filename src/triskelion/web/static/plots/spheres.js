/** Plots over the sphere of directions. Each takes the stored data and gives panels to draw. */
import { formatNumber } from "../lib/format.js";
import { conicalCurves } from "./curves.js";
import { predictedHistogram } from "./histograms.js";
import { cellShares } from "./sphere_panel.js";

const FINE_SPREAD = 10; // of the posterior precision: does no harm
const FINE_CFAR = 0.5;
const LOWEST_SHOWN = 1e-3; // of the mean

const there = (values) => values.filter((value) => value !== null);

function viewingDirections(data) {
  const shares = cellShares(data.n_rings);
  const values = data.counts.map((count, i) => count / (data.n * shares[i]));
  const unseen = data.counts.reduce((sum, count, i) => (count === 0 ? sum + shares[i] : sum), 0);
  return [{ kind: "sphere", title: `${formatNumber(data.n)} views, ${Math.round(100 * unseen)} % of directions unseen`, nRings: data.n_rings,
    values, label: "particles relative to uniform",
    colors: "viridis", low: 0, high: Math.max(2, ...values) }];
}

function posteriorPrecision(data) {
  const values = data.relative.map((value) => (value === null ? null : Math.max(LOWEST_SHOWN, value)));
  const spread = data.max_over_min;
  const isFine = spread !== null && spread <= FINE_SPREAD;
  const found = spread === null ? "Some directions are undetermined" : `Precision max/min = ${spread.toFixed(1)}`;
  return [{ kind: "sphere", title: `${found} (${isFine ? "fine" : "uneven"}: limit ${FINE_SPREAD})`, isBad: !isFine, nRings: data.n_rings, values,
    label: "precision relative to the mean", colors: "cividis",
    low: Math.min(0.5, ...there(values)), high: Math.max(2, ...there(values)), isLog: true }];
}

function conicalFsc(data) {
  const isFine = data.cfar >= FINE_CFAR;
  const sphere = { kind: "sphere", title: `cFAR = ${data.cfar.toFixed(2)} (${isFine ? "fine" : "anisotropic"}: limit ${FINE_CFAR})`, isBad: !isFine,
    nRings: data.n_rings, values: data.relative_area,
    label: "area under the FSC, of the best", colors: "cividis", low: 0, high: 1 };
  return [conicalCurves(data), sphere];
}

function predictedError(data) {
  const values = data.by_direction_deg;
  const sphere = { kind: "sphere", title: `By viewing direction, ${data.by_direction_label}`, nRings: data.n_rings, values,
    label: "expected error (°)", colors: "cividis", low: Math.min(...there(values)),
    high: Math.max(...there(values)) };
  return [predictedHistogram(data), sphere];
}

/** Plot name -> panels. */
export const SPHERES = { viewing_directions: viewingDirections, posterior_precision: posteriorPrecision, conical_fsc: conicalFsc,
  predicted_error: predictedError };
