/** Plots that are histograms. Each takes the stored data and gives panels to draw. */
import { formatNumber } from "../lib/format.js";

const short = (value, digits = 2) => String(Number(value.toPrecision(digits)));

function histogram(data, color, rest) {
  const { edges, counts } = data;
  return { x: [edges[0], edges[edges.length - 1]], y: [0, 1.12 * Math.max(1, ...counts)], yLabel: "particles", lines: [], bars: [{ color, edges,
    counts }], ...rest };
}

const PARTS = [["rotation_deg", "rotation", "°", "var(--blue)"], ["shift_A", "shift", " Å", "var(--green)"]];
const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

function poseChange(data) {
  return PARTS.map(([key, what, unit, color]) => {
    const { median, extent, share_at_extent: share, edges } = data[key];
    const end = edges[edges.length - 1];
    const text = extent === null ? "1 % are farther" : `extent ${short(extent, 4)}${unit}\n${(100 * share).toFixed(1)} % stopped by it`;
    return histogram(data[key], color, { title: `${capital(what)}s changed by ${short(median)}${unit} (median)`,
      xLabel: `change in ${what} (${unit.trim()})`, x: [0, 1.02 * end],
      verticals: [{ x: extent ?? end, text, color: "var(--vermillion)" }] });
  });
}

function posteriorSd(data) {
  return PARTS.map(([key, what, unit, color]) =>
    histogram(data[key], color, { title: `${capital(what)}s known to ${short(data[key].median)}${unit} (median)`,
      xLabel: `posterior sd (${unit.trim()})`,
      verticals: [{ x: data[key].median, text: "median", color: "var(--black)" }] }));
}

function comparePoses(data) {
  const names = { rotation_deg: "rotation", shift_A: `place of the ${data.about}` };
  return PARTS.map(([key, , unit, color]) =>
    histogram(data[key], color, { title: `${capital(names[key])}: ${short(data[key].median)}${unit} apart (median)`,
      xLabel: `difference in ${names[key]} (${unit.trim()})`,
      verticals: [{ x: data[key].p90, text: `90 % within ${short(data[key].p90)}${unit}`, color: "var(--vermillion)" }] }));
}

function scale(data) {
  return [histogram(data, "var(--purple)", { title: `Particle scale varies by ${data.sd.toFixed(2)} (sd)`, xLabel: "per-particle scale",
    verticals: [{ x: data.median, text: `median ${data.median.toFixed(2)}`, color: "var(--black)" }] })];
}

function defocus(data) {
  const { defocus_um: mean, astigmatism_A: astigmatism } = data;
  const [low, high] = [mean.edges[0], mean.edges[mean.edges.length - 1]];
  const median = (one) => [{ x: one.median, text: "median", color: "var(--black)" }];
  return [
    histogram(mean, "var(--blue)", { title: `Defocus from ${low.toFixed(2)} to ${high.toFixed(2)} µm`, xLabel: "mean defocus (µm)",
      verticals: median(mean) }),
    histogram(astigmatism, "var(--orange)", { title: `Astigmatism ${Math.round(astigmatism.median)} Å (median)`, xLabel: "|defocus U − V| (Å)",
      verticals: median(astigmatism) }),
  ];
}

const SEVERAL = ["var(--grey)", "var(--vermillion)", "var(--black)", "var(--sky)"];

/** Histograms of several labels over one another; `label` writes the legend. */
function overlay(histograms, colors, label) {
  return Object.entries(histograms).map(([name, one], i) => ({ label: label(name, one), color: colors[i % colors.length], edges: one.edges,
    counts: one.counts, opacity: 0.22, outline: true }));
}

function poseError(data) {
  return PARTS.filter(([key]) => data[key]).map(([key, what, unit]) => {
    const label = (name,
      one) => `${name}: median ${short(one.median, 3)}${unit}${"share_lost" in one ? `, ${Math.round(100 * one.share_lost)} % over 8°` : ""}`;
    const bars = overlay(data[key], SEVERAL, label);
    const shown = Math.max(...bars.map((one) => endOfShare(one, 0.995)));
    const medians = Object.values(data[key]).map((one) => one.median);
    const title = `${capital(what)} error${medians.length > 1 ? `: ${short(medians[0], 3)}${unit} becomes ${short(medians[1], 3)}${unit}` : ""}`;
    return { title, xLabel: `error against truth (${unit.trim()})`, yLabel: "particles", x: [0, shown], y: [0,
      1.12 * Math.max(...bars.flatMap((one) => one.counts))], lines: [], bars, legend: "inside" };
  });
}

/** The edge up to which a share of what is counted lies. */
function endOfShare({ edges, counts }, share) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let sum = 0;
  const bin = counts.findIndex((count) => (sum += count) >= share * total);
  return edges[1 + bin];
}

/** The histograms of a prediction; its sphere is drawn by spheres.js. */
export function predictedHistogram(data) {
  const bars = overlay(data.histograms, ["var(--blue)", "var(--grey)", "var(--vermillion)"], (name, one) => `${name}: median ${short(one.median)}°`);
  const { edges } = bars[0];
  const known = data.right_deg === null ? "" : `Rotations known to ${short(data.right_deg)}°, `;
  return { title: `${known}${Math.round(data.wrong_percent)} % more than 8° off`, xLabel: "expected error of the rotation (°)", yLabel: "particles",
    x: [0, 1.02 * edges[edges.length - 1]],
    y: [0, 1.45 * Math.max(...bars.flatMap((one) => one.counts))], lines: [], bars, legend: "inside", verticals: [{ x: data.prior_deg,
      text: "prior alone", color: "var(--black)", height: 4 }] };
}

const UNITS = { deg: "°", A: "Å", A2: "Å²", rad: "rad" };

function nameStatistic(by) {
  const unit = by.slice(by.lastIndexOf("_") + 1);
  return unit in UNITS ? [by.slice(0, -unit.length - 1).replaceAll("_", " "), UNITS[unit]] : [by.replaceAll("_", " "), ""];
}

function subset(data) {
  const [name, unit] = nameStatistic(data.by);
  const bars = [
    { label: `${formatNumber(data.n - data.n_kept)} left out`, color: "var(--grey)", edges: data.all.edges, counts: data.all.counts, opacity: 0.45 },
    { label: `${formatNumber(data.n_kept)} stay`, color: "var(--blue)", edges: data.kept.edges, counts: data.kept.counts, opacity: 0.9 },
  ];
  const { edges, counts } = data.all;
  return [{ title: `${capital(name)}: ${data.keep}, ${Math.round((100 * data.n_kept) / data.n)} % stay`, xLabel: unit ? `${name} (${unit})` : name,
    yLabel: "particles", x: [edges[0], edges[edges.length - 1]],
    y: [0, 1.12 * Math.max(...counts)], lines: [], bars, legend: "inside", verticals: data.cuts.map((cut, i) => ({ x: cut, text: short(cut, 3),
      color: "var(--vermillion)", height: i })) }];
}

const DOMAIN_COLORS = ["var(--blue)", "var(--vermillion)", "var(--green)", "var(--purple)", "var(--orange)", "var(--sky)"];

function motionHistograms(data) {
  return data.domains.flatMap((row, place) => row.axes.map((one, axis) => {
    const [amplitude, sd] = [row.amplitude_deg[axis], row.amplitude_sd_deg[axis]];
    const panel = histogram(one, DOMAIN_COLORS[place % DOMAIN_COLORS.length],
      { title: `${row.name}, axis ${axis + 1}: ${amplitude.toFixed(1)} ± ${sd.toFixed(1)}°`, xLabel: "turn (°)" });
    if (!(amplitude > 0)) return panel;
    const [low, high] = panel.x;
    const height = (data.n * (one.edges[1] - one.edges[0])) / (amplitude * Math.sqrt(2 * Math.PI));
    const x = Array.from({ length: 120 }, (_, i) => low + ((high - low) * i) / 119);
    const y = x.map((angle) => height * Math.exp(-(angle ** 2) / (2 * amplitude ** 2)));
    return { ...panel, y: [0, 1.08 * Math.max(height, ...one.counts)], lines: [{ label: "without errors of the poses", color: "var(--black)", x,
      y }] };
  }));
}

/** Plot name -> panels. */
export const HISTOGRAMS = { pose_change: poseChange, posterior_sd: posteriorSd, compare_poses: comparePoses, scale, defocus, pose_error: poseError,
  subset, motion_histograms: motionHistograms };
