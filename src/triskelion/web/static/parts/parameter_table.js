/** All parameters of a job, those that were changed first and marked. */
import { html } from "htm/preact";
import { formatValue } from "../lib/format.js";
import { jobTypes } from "../lib/store.js";

/** The table. */
export function ParameterTable({ value }) {
  const fields = Object.fromEntries((jobTypes.value[value.type]?.fields ?? []).map((field) => [field.name, field]));
  const changed = Object.keys(value.changed ?? {});
  const names = [...changed, ...Object.keys(value.parameters).filter((name) => !changed.includes(name))];
  return html`<section class="panel"><h2>Parameters</h2><table class="plain"><thead><tr><th>Parameter</th><th>Value</th><th>Default</th>
    <th>What it does</th></tr></thead>
    <tbody>${names.map((name) => {
      const field = fields[name];
      const isChanged = changed.includes(name);
      return html`<tr class=${isChanged ? "changed-row" : ""}><td class="nowrap" title=${name}>${field?.title ?? name}</td>
        <td>${isChanged ? html`<b>${formatValue(value.parameters[name])}
          </b>` : formatValue(value.parameters[name])}${field?.unit && value.parameters[name] !== null ? ` ${field.unit}` : ""}</td>
        <td class="muted">${isChanged ? formatValue(field?.default) : ""}</td><td class="small muted">${field?.help}</td></tr>`;
    })}</tbody></table></section>`;
}
