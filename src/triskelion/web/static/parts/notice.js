/** Short messages at the edge of the page: what was done, or what was refused and why. */
import { signal } from "@preact/signals";
import { html } from "htm/preact";
import { Icon } from "./icons.js";

const STAYS_MS = 5000;
const notices = signal([]);
let count = 0;

/**
 * Say something. Good news goes away by itself; bad news stays until it is closed.
 * @param {string} text
 * @param {{kind?: "good"|"bad", link?: {href: string, text: string}}} [options]
 */
export function say(text, { kind = "good", link = null } = {}) {
  const notice = { id: ++count, text, kind, link };
  notices.value = [...notices.value.filter((each) => each.text !== text), notice].slice(-4);
  if (kind === "good") setTimeout(() => close(notice.id), STAYS_MS);
}

function close(id) {
  notices.value = notices.value.filter((each) => each.id !== id);
}

/**
 * Do something that may be refused; a refusal is said, and null comes back.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T|null>}
 */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    say(error.message, { kind: "bad" });
    return null;
  }
}

/** Where the messages stand. */
export function Notices() {
  return html`<div class="notices" role="status" aria-live="polite">
    ${notices.value.map(
      (notice) => html`<div key=${notice.id} class="notice ${notice.kind}" role=${notice.kind === "bad" ? "alert" : null}>
        <p>${notice.text} ${notice.link && html`<a href=${notice.link.href}>${notice.link.text}</a>`}</p>
        <button class="icon-button" aria-label="Close message" onClick=${() => close(notice.id)}><${Icon} name="close" size="13" /></button>
      </div>`,
    )}
  </div>`;
}
