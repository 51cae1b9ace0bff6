/** Plots that are curves: FSC, Guinier, noise, how a refinement went. Each takes the stored data and gives panels to draw. */
import { formatNumber, formatResolution } from "../lib/format.js";
import { spanOf } from "./scale.js";

const FSC_CURVES = {
  none: ["no mask", "var(--grey)"],
  spherical: ["spherical", "var(--sky)"],
  loose: ["loose", "var(--green)"],
  tight: ["tight", "var(--blue)"],
  corrected: ["corrected", "var(--vermillion)"],
  user: ["user mask", "var(--orange)", "5 3"],
  user_corrected: ["user mask, corrected", "var(--black)"],
};
const FSC_RANGE = [-0.1, 1.03];
const FSC_LEVELS = [{ y: 0.5, text: "0.5" }, { y: 0.143, text: "0.143" }, { y: 0 }];
/** What every panel with FSC curves has. */
export const FSC_AXES = { xLabel: "spatial frequency (1/Å)", yLabel: "Fourier shell correlation", y: FSC_RANGE, isFrequency: true, legend: "below",
  horizontals: FSC_LEVELS };

const last = (list) => list[list.length - 1];
const fromShell1 = (list) => list.slice(1);

function sayFsc(data, resolution, threshold) {
  if (!resolution) return "No resolution: the maps have nothing in common";
  if (threshold === 0.143
    && data.at_nyquist?.includes(data.headline)) return `${formatResolution(resolution)}, limited by the pixel size: FSC stays above 0.143`;
  return `${formatResolution(resolution)} at FSC = ${threshold} (${FSC_CURVES[data.headline][0]})`;
}

function gsfsc(data) {
  const threshold = data.threshold ?? 0.143;
  const resolutions = data[threshold === 0.5 ? "resolution_0.5_A" : "resolution_A"];
  const headline = resolutions[data.headline];
  const x = fromShell1(data.frequency_per_A);
  const lines = Object.entries(FSC_CURVES).filter(([name]) => name in data.curves).map(([name, [label, color, dash]]) => ({
    label: resolutions[name] ? `${label}  ${formatResolution(resolutions[name])}` : label,
    color, dash, x, y: fromShell1(data.curves[name]), width: name === data.headline ? 2.6 : 1.6,
  }));
  const points = headline ? [{ x: 1 / headline, y: threshold, text: formatResolution(headline), color: FSC_CURVES[data.headline][1] }] : [];
  const verticals = data.randomized_from_A ? [{ x: 1 / data.randomized_from_A, color: "var(--grey)", dash: "1 3" }] : [];
  return [{ title: sayFsc(data, headline, threshold), ...FSC_AXES, x: [0, last(x)], lines, points, verticals }];
}

function compareFsc(data) {
  const x = fromShell1(data.frequency_per_A);
  const colors = ["var(--blue)", "var(--vermillion)"];
  const halves = Object.entries(data.halves).map(([label, one], i) => ({
    label: one.resolution_A ? `${label}  ${formatResolution(one.resolution_A)}` : label, color: colors[i], x, y: fromShell1(one.fsc), width: 2,
  }));
  const between = { label: "between the maps", color: "var(--black)", dash: "5 3", x, y: fromShell1(data.between.fsc) };
  const crossing = data.between["resolution_0.5_A"];
  const points = crossing ? [{ x: 1 / crossing, y: 0.5, text: formatResolution(crossing), color: "var(--black)" }] : [];
  const known = Object.entries(data.halves).filter(([, one]) => one.resolution_A);
  const title = known.map(([label, one]) => `${label} ${formatResolution(one.resolution_A)}`).join(", ");
  return [{ title: title ? `${title} at FSC = 0.143` : "FSC of both jobs", ...FSC_AXES, x: [0, last(x)], lines: [...halves, between], points }];
}

function guinier(data) {
  const k2 = fromShell1(data.frequency_per_A).map((k) => k * k);
  const weighted = { label: "FSC-weighted", color: "var(--blue)", x: k2, y: fromShell1(data.log_amplitude) };
  const raw = data.log_amplitude_unweighted ? [{ label: "not weighted", color: "var(--grey)", x: k2, y: fromShell1(data.log_amplitude_unweighted) }]
    : [];
  const lines = [...raw, weighted];
  let title = "No B-factor: too few shells";
  const verticals = [];
  if (data.b_factor_A2 !== null) {
    const ends = [1 / data.fit_from_A ** 2, 1 / data.fit_to_A ** 2];
    lines.push({ label: `fit, ${formatNumber(data.fit_from_A)} to ${formatNumber(data.fit_to_A)} Å`, color: "var(--vermillion)", x: ends,
      width: 2.2, isGuide: true,
      y: ends.map((end) => data.intercept - (data.b_factor_A2 / 4) * end) });
    verticals.push({ x: ends[1], color: "var(--vermillion)", dash: "1 3" });
    title = `Amplitudes decay with B = ${Math.round(data.b_factor_A2)} Å²`;
  }
  return [{ title, xLabel: "k² (1/Å²)", yLabel: "ln ⟨|F|⟩", x: [0, last(k2)], y: spanOf([weighted.y, ...raw.map((line) => line.y)]), lines,
    verticals, legend: "inside" }];
}

function noiseModel(data) {
  const colors = ["var(--blue)", "var(--vermillion)", "var(--green)", "var(--orange)", "var(--purple)", "var(--sky)"];
  const x = fromShell1(data.frequency_per_A);
  const before = (data.previous ?? []).map((row, i) => ({ label: i ? null : (data.previous_label ?? "iteration before"), color: "var(--grey)", x,
    y: fromShell1(row), width: 3.4 }));
  const now = data.sigma2.map((row, i) => ({ label: data.sigma2.length === 1 ? "now" : `optics group ${i + 1}`, color: colors[i % colors.length], x,
    y: fromShell1(row) }));
  const values = [...before, ...now].flatMap((line) => line.y).filter((value) => value > 0);
  const y = [Math.min(...values) / 1.15, Math.max(...values) * 1.15];
  return [{ title: "Noise variance per shell", xLabel: "spatial frequency (1/Å)", yLabel: "σ² per real component", x: [0, last(x)], y, yLog: true,
    isFrequency: true, lines: [...before, ...now], legend: "inside" }];
}

const STEPS = {
  resolution_A: ["Resolution", " Å", "at FSC = 0.143 (Å)", "var(--vermillion)"],
  rotation_change_deg: ["Rotations move", "°", "median change (°)", "var(--blue)"],
  shift_change_A: ["Shifts move", " Å", "median change (Å)", "var(--green)"],
  log_likelihood: ["Log-likelihood", "", "per particle (nat)", "var(--purple)"],
};

function iterations(data) {
  return Object.entries(STEPS).map(([key, [title, unit, yLabel, color]]) => {
    const newest = last(data[key]);
    const y = spanOf([data[key]], 0.08);
    if (/change/.test(key)) y[0] = 0;
    return { title: newest === null ? title : `${title} ${formatNumber(newest)}${unit}`, xLabel: "iteration", yLabel, integerX: true, x: [0.7,
      last(data.iteration) + 0.3], y,
      lines: [{ color, x: data.iteration, y: data[key], dots: true }] };
  });
}

/** The curves of a conical FSC; its sphere is drawn by spheres.js. */
export function conicalCurves(data) {
  const x = fromShell1(data.frequency_per_A);
  const line = (name, label, color) => ({ label, color, x, y: fromShell1(data[name]) });
  const bands = [{ label: "all cones", color: "var(--grey)", x, low: fromShell1(data.lowest), high: fromShell1(data.highest) }];
  return { title: "FSC in cones of 20°", ...FSC_AXES, y: [-0.2, 1.03], x: [0, last(x)], bands,
    lines: [line("best", "best cone", "var(--blue)"), line("whole", "whole shells", "var(--black)"), line("worst", "worst cone",
      "var(--vermillion)")] };
}

/** Plot name -> panels. */
export const CURVES = { gsfsc, compare_fsc: compareFsc, guinier, noise_model: noiseModel, iterations };
