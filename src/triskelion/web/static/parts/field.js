/** One parameter of a form: its title, unit, range and help, its control, and what is wrong with it. */
import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { formatValue } from "../lib/format.js";
import { isChanged, rangeOf, shownValue, takesSeveral } from "../lib/form.js";
import { FolderPicker } from "./folder_picker.js";
import { Icon } from "./icons.js";
import { Prose } from "./prose.js";
import { SlotField } from "./slot_field.js";

const idOf = (field) => `field-${field.name}`;

function Switch({ field, value, change, describedBy }) {
  return html`<label class="switch"><input type="checkbox" role="switch" id=${idOf(field)} checked=${value} aria-describedby=${describedBy}
    onChange=${(event) => change(event.target.checked)} /><i></i><span>${value ? "on" : "off"}</span></label>`;
}

function Choice({ field, value, change, describedBy }) {
  return html`<select class="field-input" id=${idOf(field)} value=${value} aria-describedby=${describedBy}
    onChange=${(event) => change(event.target.value)}>
    ${field.optional && html`<option value="">–</option>`}
    ${field.choices.map((choice) => html`<option value=${choice} selected=${choice === value}>${choice}</option>`)}</select>`;
}

function Lines({ field, value, change, error, describedBy }) {
  return html`<textarea class="field-input mono" id=${idOf(field)} rows="3" placeholder="one a line" aria-invalid=${Boolean(error)}
    aria-describedby=${describedBy}
    onInput=${(event) => change(event.target.value.split("\n"))} value=${value.join("\n")}></textarea>`;
}

function Path({ field, value, change, error, describedBy }) {
  const [isOpen, setOpen] = useState(false);
  const isFolder = /dir|folder/.test(field.name);
  const take = (path) => {
    setOpen(false);
    change(path);
  };
  return html`<div class="with-button"><input class="field-input" id=${idOf(field)} value=${value} spellcheck="false"
    aria-invalid=${Boolean(error)} aria-describedby=${describedBy}
      onInput=${(event) => change(event.target.value)} /><button type="button" class="button" onClick=${() => setOpen(true)}>Browse …</button></div>
    ${isOpen && html`<${FolderPicker} wants=${isFolder ? "folder" : "file"} title=${field.title} onPick=${take} onClose=${() => setOpen(false)} />`}`;
}

function Text({ field, value, change, error, describedBy }) {
  const isNumber = field.kind === "int" || field.kind === "float";
  return html`<input class="field-input ${isNumber ? "number-input" : ""}" id=${idOf(field)} value=${value}
    inputmode=${isNumber ? "decimal" : null} spellcheck="false" autocomplete="off"
    placeholder=${field.optional ? "left out" : ""} aria-invalid=${Boolean(error)} aria-describedby=${describedBy}
      onInput=${(event) => change(event.target.value)} />`;
}

const CONTROLS = { bool: Switch, choice: Choice, list: Lines, path: Path, slot: SlotField };

/**
 * A field.
 * @param {{project: string, type: string, field: object, values: object, error: string|null, change: (name: string, value: any) => void,
 *   candidates?: object[]}} props
 */
export function Field({ project, type, field, values, error, change, candidates }) {
  const value = shownValue(field, values);
  const changed = isChanged(field, values);
  const Control = CONTROLS[field.kind === "slot" ? "slot" : takesSeveral(field) ? "list" : field.kind] ?? Text;
  const describedBy = `help-${field.name}${error ? ` error-${field.name}` : ""}`;
  const range = rangeOf(field);
  const back = () => change(field.name, undefined);
  const shared = { project, type, field, value, error, candidates, describedBy, change: (given) => change(field.name, given) };
  return html`<div class="field ${field.kind} ${changed ? "changed" : ""} ${error ? "wrong" : ""}" data-field=${field.name}>
    <div class="field-head"><label for=${idOf(field)}>${field.title}</label>${field.unit && html`<span class="unit">${field.unit}</span>`}
      ${field.required && html`<span class="unit">needed</span>`}<span class="grow"></span>
      ${changed && field.kind !== "slot" && html`<button type="button" class="reset" title="Back to ${formatValue(field.default)}"
        aria-label="${field.title}: back to ${formatValue(field.default)}"
        onClick=${back}><${Icon} name="reset" size="12" />${formatValue(field.default)}</button>`}</div>
    <${Control} ...${shared} />
    ${error && html`<p class="field-error" id="error-${field.name}" role="alert">${error}</p>`}
    <p class="help" id="help-${field.name}"><${Prose} text=${field.help} />${range && html` <span class="range">
      ${range}${field.unit ? ` ${field.unit}` : ""}</span>`}</p>
  </div>`;
}
