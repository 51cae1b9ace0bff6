/** What can be done to a job: clone, kill, resume, clear, to the bin. */
import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { pathOf, post, remove } from "../lib/api.js";
import { go, places } from "../lib/router.js";
import { cardsOf, dropCard, isReadOnly } from "../lib/store.js";
import { inputJobs } from "./card.js";
import { Dialog } from "./dialog.js";
import { attempt, say } from "./notice.js";
import { ACTIVE } from "./state_mark.js";

const QUESTIONS = {
  kill: ["Kill", "The job stops. What it has finished stays, and Resume goes on from its last checkpoint."],
  clear: ["Clear", "The outputs of the job are erased. Its record, notes and parameters stay, and it can be run again."],
  bin: ["Move to the bin", "The job leaves the project, and can be restored from the bin until the bin is emptied."],
};

function Question({ name, value, users, onYes, onClose }) {
  const [word, text] = QUESTIONS[name];
  const made = `${users.join(", ")} ${users.length > 1 ? "were" : "was"} made from it`;
  const used = users.length ? { kill: "", clear: ` ${made}.`, bin: ` ${made}, and what was made from them, all of which go with it.` }[name] : "";
  const footer = html`<button class="button" onClick=${onClose}>Leave it</button><button class="button primary" autofocus onClick=${onYes}>${word}
    </button>`;
  return html`<${Dialog} title="${word}: ${value.name}" onClose=${onClose} footer=${footer}><p>${text}${used}</p><//>`;
}

/** The row of buttons; only those that make sense now. */
export function JobActions({ project, value }) {
  const [question, setQuestion] = useState(null);
  const base = pathOf("p", project, "j", value.name);
  const isActive = ACTIVE.includes(value.state);
  const users = cardsOf(project).filter((card) => inputJobs(card).includes(value.name)).map((card) => card.name);
  const act = (verb, past) => attempt(async () => {
    await post(`${base}/${verb}`);
    say(`${value.name} ${past}.`);
  });
  const answers = {
    kill: () => act("kill", "was killed"),
    clear: () => act("clear", "was cleared"),
    bin: () =>
      attempt(async () => {
        await remove(`${base}${users.length ? "?with_descendants=true" : ""}`);
        dropCard(project, value.name);
        say(`${value.name} is in the bin.`, { link: { href: places.bin(project), text: "Bin" } });
        go(["p", project]);
      }),
  };
  const yes = () => {
    setQuestion(null);
    answers[question]();
  };
  if (isReadOnly.value) return null;
  const button = (text, onClick, style = "") => html`<button class="button ${style}" onClick=${onClick}>${text}</button>`;
  return html`<div class="row tight actions">
    ${["failed", "killed"].includes(value.state) && button("Resume", () => act("resume", "goes on"), "primary")}
    ${isActive && button("Kill", () => setQuestion("kill"), "danger")}
    <a class="button" href=${places.build(project, value.type, { clone: value.name })}>Clone</a>
    <a class="button" href=${places.compare(project, [value.name])}>Compare</a>
    ${!isActive && button("Clear", () => setQuestion("clear"), "quiet")}
    ${!isActive && button("Bin", () => setQuestion("bin"), "quiet")}
    ${question && html`<${Question} name=${question} value=${value} users=${users} onYes=${yes} onClose=${() => setQuestion(null)} />`}
  </div>`;
}
