/** Text from the program's own descriptions, where ``names`` and `names` stand for code. */
import { html } from "htm/preact";

const CODE = /`{1,2}([^`]+)`{1,2}/;

/** The same text, with its names set as code. */
export function Prose({ text }) {
  return html`${text.split(CODE).map((part, i) => (i % 2 ? html`<code>${part}</code>` : part))}`;
}
