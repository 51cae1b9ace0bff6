/** The workspace a job is in, and the way into another. */
import { html } from "htm/preact";
import { pathOf, put } from "../lib/api.js";
import { cardOf, isReadOnly, projects, putCard } from "../lib/store.js";
import { attempt, say } from "./notice.js";

/** A choice among the workspaces; nothing where there is only one. */
export function WorkspaceChoice({ project, value }) {
  const { workspaces } = projects.value[project];
  if (workspaces.length < 2) return null;
  const move = (event) => {
    const name = event.target.value;
    attempt(async () => {
      await put(`${pathOf("p", project, "j", value.name)}/workspace`, { name });
      putCard(project, { ...cardOf(project, value.name), workspace: name });
      say(`${value.name} is in ${workspaces.find((each) => each.name === name).title} now.`);
    });
  };
  return html`<label class="row tight">in <select class="small-select" aria-label="Workspace of ${value.name}" disabled=${isReadOnly.value}
    value=${value.workspace} onChange=${move}>
    ${workspaces.map((each) => html`<option value=${each.name} selected=${each.name === value.workspace}>${each.title}</option>`)}</select></label>`;
}
