/** All projects the server was given; a new one, or another folder, is one step away. */
import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { go, places } from "../lib/router.js";
import { isReadOnly, loadSession, session } from "../lib/store.js";
import { Dialog } from "../parts/dialog.js";
import { FolderPicker } from "../parts/folder_picker.js";
import { Icon } from "../parts/icons.js";
import { attempt } from "../parts/notice.js";

async function enter(path, body) {
  const made = await attempt(() => post(path, body));
  if (!made) return;
  await loadSession();
  go(["p", made.id ?? made.project?.id]);
}

function NewProject({ onClose }) {
  const [title, setTitle] = useState("");
  const [folder, setFolder] = useState(session.value.roots[0]);
  const [isPicking, setPicking] = useState(false);
  const name = title.trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
  const target = `${folder.replace(/\/+$/, "")}/${name || "…"}`;
  const make = (event) => {
    event.preventDefault();
    enter("/projects", { folder: target, title: title.trim() });
  };
  if (isPicking) {
    const pick = (path) => {
      setFolder(path);
      setPicking(false);
    };
    return html`<${FolderPicker} wants="folder" start=${folder} title="Where the project's folder shall lie" onPick=${pick}
      onClose=${() => setPicking(false)} />`;
  }
  const footer = html`<button class="button" onClick=${onClose}>Cancel</button><button class="button primary" form="new-project"
    disabled=${!name}>Make project</button>`;
  return html`<${Dialog} title="New project" onClose=${onClose} footer=${footer}>
    <form id="new-project" class="stack" onSubmit=${make}>
      <label>Title<input class="field-input" id="project-title" autofocus value=${title} placeholder="Yeast tri-snRNP"
        onInput=${(event) => setTitle(event.target.value)} /></label>
      <div><p>Folder</p><div class="row"><code class="grow clip">${target}</code><button type="button" class="button small"
        onClick=${() => setPicking(true)}>Elsewhere …</button></div>
        <p class="muted small">Everything about the project stands in this folder. Copy it, and the project opens elsewhere.</p></div>
    </form>
  <//>`;
}

function ProjectCard({ project }) {
  return html`<li class="panel project-card">
    <a href=${places.project(project.id)}><h2>${project.title}</h2></a>
    <p class="mono small muted clip" title=${project.folder}>${project.folder}</p>
    <p class="small">${project.n_jobs} job${project.n_jobs === 1 ? "" : "s"}</p>
  </li>`;
}

/** The first screen. */
export function HomeScreen() {
  const [open, setOpen] = useState(null);
  const close = () => setOpen(null);
  const { projects, version, threads, roots } = session.value;
  const actions = !isReadOnly.value && html`<div class="row">
    <button class="button" onClick=${() => setOpen("open")}><${Icon} name="folder" />Open project …</button>
    <button class="button primary" onClick=${() => setOpen("new")}><${Icon} name="plus" />New project</button></div>`;
  return html`<div class="home stack">
    <div class="spread"><h1>Projects</h1>${projects.length > 0 && actions}</div>
    ${projects.length > 0
      ? html`<ul class="project-list">${projects.map((project) => html`<${ProjectCard} key=${project.id} project=${project} />`)}</ul>`
      : html`<div class="blank"><h2>No project yet</h2><p>A project is a folder with its jobs. Make one, or open one that is there.</p>${actions}
        </div>`}
    <p class="small muted">Triskelion ${version}, ${threads} processor core${threads === 1 ? "" : "s"}. Folders shown: ${roots.join(", ")}.</p>
    ${open === "new" && html`<${NewProject} onClose=${close} />`}
    ${open === "open" &&
    html`<${FolderPicker} wants="folder" title="Open the folder of a project" onClose=${close} onPick=${(folder) => {
      close();
      enter("/projects/open", { folder });
    }} />`}
  </div>`;
}
