/** What is to be doubted of a job, or why it failed, with what can be done about it. */
import { html } from "htm/preact";
import { places } from "../lib/router.js";
import { isReadOnly } from "../lib/store.js";
import { Icon } from "./icons.js";

const ADVICE = /clone the job with (\w+)=([^\s,;]+(?:,[^\s,;]+)*)/; // jobs write advice so that it can be typed; here it is one click

function Warning({ project, value, text }) {
  const advice = text.match(ADVICE);
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return html`<li><${Icon} name="warning" size="14" /><p>${sentence}${/[.!?]$/.test(sentence) ? "" : "."}
    ${advice && !isReadOnly.value && html` <a
      href=${places.build(project, value.type, { clone: value.name, [advice[1]]: advice[2] })}>Clone with ${advice[1]} ${advice[2]}</a>`}</p></li>`;
}

/** A failure stands above, warnings below it. */
export function Warnings({ project, value }) {
  const warnings = value.warnings ?? [];
  const isKilled = value.state === "killed";
  return html`${(isKilled || value.state === "failed") &&
    html`<div class="warning-box bad" role="alert"><${Icon} name=${value.state} /><div><p><b>
      ${isKilled ? "Killed" : "Failed"}:</b> ${value.message || "no reason was given"}</p>
      <p class="small">The <a href=${places.job(project, value.name, { tab: "log" })}>log</a> says how far it came.
        ${isKilled ? " Resume goes on from its last checkpoint." : " Clone it and change what was wrong, or resume it once the cause is gone."}</p>
          </div></div>`}
    ${warnings.length > 0 && html`<ul class="warning-box warning-list" aria-label="Warnings">
      ${warnings.map((text) => html`<${Warning} key=${text} project=${project} value=${value} text=${text} />`)}</ul>`}`;
}
