/** Pick a folder or a file of the machine the server runs on, inside the folders it was allowed to show. */
import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { get, queryOf } from "../lib/api.js";
import { session } from "../lib/store.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icons.js";
import { useLoad } from "./load.js";

const nameOf = (path) => path.replace(/\/+$/, "").split("/").pop() || path;

function joinPath(folder, entry) {
  const name = typeof entry === "string" ? entry : entry.name;
  return name.startsWith("/") ? name : `${folder.replace(/\/+$/, "")}/${name}`;
}

function Entry({ icon, text, onPick }) {
  return html`<button type="button" onClick=${onPick}><span class="icon"><${Icon} name=${icon} /></span><span class="clip">${text}</span></button>`;
}

/**
 * A dialog that goes from folder to folder.
 * @param {{wants: "folder"|"file", start?: string|null, title: string, onPick: (path: string) => void, onClose: () => void}} props
 */
export function FolderPicker({ wants, start = null, title, onPick, onClose }) {
  const [path, setPath] = useState(start || session.value.roots[0]);
  const { value, error } = useLoad(() => get(`/folders${queryOf({ path })}`), [path]);
  const footer = html`<button class="button" onClick=${onClose}>Cancel</button>
    ${wants === "folder" && html`<button class="button primary" onClick=${() => onPick(value?.path ?? path)}>Take this folder</button>`}`;
  return html`<${Dialog} title=${title} onClose=${onClose} footer=${footer}>
    <div class="stack">
      ${session.value.roots.length > 1 &&
      html`<div class="row">${session.value.roots.map((root) => html`<button type="button" class="chip" onClick=${() => setPath(root)}>${root}
        </button>`)}</div>`}
      <p class="mono small muted" style="overflow-wrap:anywhere">${value?.path ?? path}</p>
      ${error && html`<p class="field-error" role="alert">${error.message}</p>`}
      ${value &&
      html`<div class="folders">
        ${value.parent && html`<${Entry} icon="up" text=".." onPick=${() => setPath(value.parent)} />`}
        ${value.folders.map((each) => html`<${Entry} icon="folder" text=${nameOf(joinPath(value.path, each))}
          onPick=${() => setPath(joinPath(value.path, each))} />`)}
        ${wants === "file" &&
        value.files.map((each) => html`<${Entry} icon="file" text=${nameOf(joinPath(value.path, each))}
          onPick=${() => onPick(joinPath(value.path, each))} />`)}
      </div>`}
    </div>
  <//>`;
}
