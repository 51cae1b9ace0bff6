/** The state of a job, by shape and colour alike. */
import { html } from "htm/preact";
import { Icon } from "./icons.js";

/** States in which a job is not over. */
export const ACTIVE = ["building", "queued", "running"];

/**
 * A mark of one letter's size; `withWord` writes the state beside it.
 * @param {{state: string, withWord?: boolean}} props
 */
export function StateMark({ state, withWord = false }) {
  return html`<span class="state ${state}" title=${withWord ? null : state}>
    <${Icon} name=${state} size="14" />${withWord ? html`<span>${state}</span>` : html`<span class="visually-hidden">${state}</span>`}
  </span>`;
}
