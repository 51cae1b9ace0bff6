/** The same plot of several jobs over one another. */
import { formatResolution } from "../lib/format.js";
import { FSC_AXES } from "./curves.js";

/** One colour a job, in the order they were picked: Okabe and Ito's, which the viewer can use too. */
export const JOB_COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/** What an FSC curve is called. */
export const CURVE_NAMES = { headline: "as each job is judged", user_corrected: "user mask, corrected", user: "user mask", corrected: "corrected",
  tight: "tight", loose: "loose", spherical: "spherical", none: "no mask" };

/** The curves that at least one job has, "headline" first. */
export function curvesOf(plots) {
  return Object.keys(CURVE_NAMES).filter((name) => name === "headline" || plots.some(({ data }) => name in data.curves));
}

/**
 * FSC curves of several jobs in one panel.
 * @param {{job: string, data: object}[]} plots the stored gsfsc of each
 * @param {string} curve one of `curvesOf`
 * @param {string[]} jobs all that are compared: they keep their colours
 */
export function overlayFsc(plots, curve, jobs) {
  const lines = [];
  const points = [];
  for (const { job, data } of plots) {
    const name = curve === "headline" ? data.headline : curve;
    if (!(name in data.curves)) continue;
    const color = JOB_COLORS[jobs.indexOf(job) % JOB_COLORS.length];
    const resolution = data.resolution_A[name];
    lines.push({ label: resolution ? `${job}  ${formatResolution(resolution)}` : job, color, x: data.frequency_per_A.slice(1),
      y: data.curves[name].slice(1), width: 2 });
    if (resolution && !data.at_nyquist?.includes(name)) points.push({ x: 1 / resolution, y: 0.143, text: "", color });
  }
  const last = Math.max(...plots.map(({ data }) => data.frequency_per_A[data.frequency_per_A.length - 1]));
  return { title: `FSC of the half maps: ${CURVE_NAMES[curve]}`, ...FSC_AXES, x: [0, last], lines, points };
}

const POSES = [["rotation_deg", "change in rotation (°)", "Rotations, from the consensus"], ["shift_A", "change in shift (Å)",
  "Shifts, from the consensus"]];

/**
 * How far the poses of each job are from where they began, over one another.
 * @param {{job: string, data: object}[]} plots the stored pose_change of each
 * @param {string[]} jobs
 */
export function overlayPoseChange(plots, jobs) {
  return POSES.map(([key, xLabel, title]) => {
    const bars = plots.map(({ job, data }) => {
      const { edges, counts, median } = data[key];
      const share = counts.map((count, i) => (100 * count) / data.n / (edges[i + 1] - edges[i]));
      return { label: `${job}: median ${Number(median.toPrecision(2))}`, color: JOB_COLORS[jobs.indexOf(job) % JOB_COLORS.length], edges,
        counts: share, opacity: 0.2, outline: true };
    });
    const end = Math.max(...bars.map(({ edges }) => edges[edges.length - 1]));
    return { title, xLabel, yLabel: key === "rotation_deg" ? "% of particles per °" : "% of particles per Å", x: [0, end], y: [0,
      1.15 * Math.max(...bars.flatMap(({ counts }) => counts))], lines: [], bars, legend: "inside" };
  });
}
