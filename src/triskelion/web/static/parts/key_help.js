/** The list of keys. */
import { html } from "htm/preact";
import { KEYS, showsKeys } from "../lib/keys.js";
import { Dialog } from "./dialog.js";

/** A dialog, while it is asked for. */
export function KeyHelp() {
  if (!showsKeys.value) return null;
  const close = () => {
    showsKeys.value = false;
  };
  return html`<${Dialog} title="Keys" onClose=${close}>
    <table class="plain"><tbody>${KEYS.map(([key, text]) => html`<tr><td><kbd>${key}</kbd></td><td>${text}</td></tr>`)}</tbody></table>
  <//>`;
}
