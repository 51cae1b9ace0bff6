/** Plots that are tables of numbers. Each takes the stored data and gives panels to draw. */

const MORE_THAN_CHANCE_SD = 3.5;

function motionCorrelations(data) {
  const labels = data.names.flatMap((name) => [1, 2, 3].map((axis) => `${name} ${axis}`));
  const isOwn = (row, column) => Math.floor(row / 3) === Math.floor(column / 3);
  const values = data.correlation.map((row, i) => row.map((value, j) => (isOwn(i, j) ? null : value)));
  return [{ kind: "grid", title: "Correlation of motions (bold: more than chance)", values, rows: labels, columns: labels, colors: "balance",
    low: -1, high: 1, write: (value) => value.toFixed(2).replace("-", "−"),
    isStrong: (i, j) => Math.abs(values[i][j]) > MORE_THAN_CHANCE_SD * data.correlation_sd[i][j] }];
}

/** All settings of the parameters after the first, as column headings. */
const combine = (lists) => lists.reduce((before, list) => before.flatMap((each) => list.map((value) => (each ? `${each}, ${value}`
  : String(value)))), [""]);

const mean = (values) => {
  const known = values.filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
};

function series(data) {
  const names = Object.keys(data.values);
  const [first, ...others] = Object.values(data.values);
  const columns = combine(others);
  const table = (rows) => first.map((_, i) => columns.map((__, j) => mean([].concat(rows[i * columns.length + j]))));
  const place = [Math.floor(data.best / columns.length), data.best % columns.length];
  const panel = (title, rows, colors, write) => {
    const values = table(rows);
    const known = values.flat().filter((value) => value !== null);
    return { kind: "grid", title, values, rows: first.map(String), columns: columns.map((text) => text || "all"), colors, low: Math.min(...known),
      high: Math.max(...known), write, blank: "failed", frame: place,
      dots: (i, j) => data.as_good[i * columns.length + j], rowTitle: names[0], columnTitle: names.slice(1).join(", ") };
  };
  const angles = data.agreement.map(({ first: a, second: b, angle_deg: angle }) => [a, b, angle]);
  const heading = (setting) => [first[Math.floor(setting / columns.length)], columns[setting % columns.length]].filter(Boolean).join(" / ");
  const panels = [panel("Resolution (Å); framed: the best, •: as good", data.resolution_A, "viridis", (value) => value.toFixed(2)),
    panel("Mean corrected FSC", data.mean_fsc, "viridis", (value) => value.toFixed(3))];
  if (angles.length) {
    const values = angles.map(([, , angle]) => [angle]);
    panels.push({ kind: "grid", title: "Angles between poses of neighbours (°)", values, rows: angles.map(([a,
      b]) => `${heading(a)} – ${heading(b)}`), columns: ["median"], colors: "cividis", low: 0,
      high: Math.max(...values.flat()), write: (value) => value.toPrecision(2) });
  }
  return panels;
}

/** Plot name -> panels. */
export const GRIDS = { motion_correlations: motionCorrelations, series };
