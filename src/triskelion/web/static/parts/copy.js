/** Text to take along: a command line with a button that copies it. */
import { html } from "htm/preact";
import { Icon } from "./icons.js";
import { say } from "./notice.js";

/**
 * Put text on the clipboard, and say so.
 * @param {string} text
 * @param {string} what it is, as in "the command line"
 */
export async function copyText(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied ${what}.`);
  } catch {
    say(`The browser does not let the page copy. Select ${what} and press Ctrl+C.`, { kind: "bad" });
  }
}

/** The command line that does the same, selected as a whole by a click. It is broken between words only, not at the hyphens of options. */
export function Command({ text }) {
  return html`<div class="command">
    <code>${text.split(" ").map((word, i) => html`${i ? " " : ""}<span class="word">${word}</span>`)}</code>
    <button class="icon-button" aria-label="Copy the command line" title="Copy" onClick=${() => copyText(text, "the command line")}>
      <${Icon} name="copy" size="14" /></button>
  </div>`;
}
