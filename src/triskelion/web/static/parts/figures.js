/** The figures of a job: those that matter large, the others in a list. */
import { html } from "htm/preact";
import { COST, formatFigure, HEADLINE, nameFigure } from "../lib/format.js";

const HIDDEN = ["warnings", "versions"];

const isPlain = (value) => value !== null && (typeof value !== "object" || (Array.isArray(value) && value.length <= 4
  && value.every((each) => typeof each === "number")));

/**
 * A panel with everything summary.json says in plain figures.
 * @param {{summary: Record<string, any>}} props
 */
export function Figures({ summary }) {
  const names = Object.keys(summary ?? {}).filter((name) => !HIDDEN.includes(name) && isPlain(summary[name]));
  const large = HEADLINE.filter((name) => names.includes(name));
  const rest = names.filter((name) => !large.includes(name) && !COST.includes(name));
  const cost = COST.filter((name) => names.includes(name));
  if (!names.length) return null;
  const row = (name) => html`<tr key=${name}><td class="muted">${nameFigure(name)}</td><td class="number">${formatFigure(name, summary[name])}</td>
    </tr>`;
  return html`<section class="panel"><h2>Figures</h2>
    ${large.length > 0 && html`<dl class="figures large">${large.map((name) => html`<div><dt>${nameFigure(name)}</dt><dd>
      ${formatFigure(name, summary[name])}</dd></div>`)}</dl>`}
    ${rest.length > 0 && html`<details open=${rest.length <= 8 || large.length === 0 || undefined}><summary class="small">
      ${rest.length} more</summary>
      <table class="plain small">${rest.map(row)}</table></details>`}
    ${cost.length > 0 && html`<p class="small muted cost">
      ${cost.map((name) => `${nameFigure(name)} ${formatFigure(name, summary[name])}`).join(" · ")}</p>`}
  </section>`;
}
