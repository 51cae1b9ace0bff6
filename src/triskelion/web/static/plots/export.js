/** A plot that only the page has, to take along: as SVG with its colours written in, and as a table. */

const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "fill-opacity", "opacity", "font-size", "font-weight",
  "font-family", "text-anchor"];

function save(text, type, filename) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/**
 * Save a plot as it looks on white paper, whatever the page looks like.
 * @param {SVGElement} plot
 * @param {string} filename
 */
export function saveSvg(plot, filename) {
  const paper = document.createElement("div");
  paper.style.cssText = "color-scheme:light;position:absolute;left:-9999px";
  const copy = plot.cloneNode(true);
  paper.append(copy);
  document.body.append(paper);
  for (const part of [copy, ...copy.querySelectorAll("*")]) {
    const style = getComputedStyle(part);
    for (const name of STYLES) part.setAttribute(name, style.getPropertyValue(name));
    part.removeAttribute("class");
  }
  paper.remove();
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  save(new XMLSerializer().serializeToString(copy), "image/svg+xml", filename);
}

/** Save the lines and bars of a panel as a table: a block of x and y for each. */
export function saveCsv(panel, filename) {
  const quote = (text) => `"${String(text).replaceAll('"', '""')}"`;
  const rows = [["series", panel.xLabel, panel.yLabel].map(quote).join(",")];
  for (const line of panel.lines) line.x.forEach((x, i) => rows.push([quote(line.label), x, line.y[i] ?? ""].join(",")));
  for (const bars of panel.bars ?? []) bars.counts.forEach((count, i) => rows.push([quote(bars.label), (bars.edges[i] + bars.edges[i + 1]) / 2,
    count].join(",")));
  save(`${rows.join("\n")}\n`, "text/csv", filename);
}
