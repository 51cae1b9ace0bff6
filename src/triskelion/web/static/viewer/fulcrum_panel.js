/** The fulcrum: by click, typed in px or Å, or suggested; and where to go with it. */

import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { get, pathOf, queryOf } from "../lib/api.js";
import { formatPoint, parsePoint } from "./coordinates.js";
import { localRefinementForm, makeJob } from "./make_jobs.js";
import { TOOLS } from "./viewer.js";

function TypedPoint({ viewer, pixel_size_A }) {
  const [problem, setProblem] = useState("");
  const point = viewer.fulcrum_px.value;
  const type = (event) => {
    const text = event.target.value.trim();
    const typed = text ? parsePoint(text, pixel_size_A) : null;
    setProblem(text && !typed ? `"${text}" is not a point: give x,y,z in px from the corner voxel, or in Å with an A behind` : "");
    if (typed || !text) viewer.placeFulcrum(typed);
  };
  return html`
    <label class="typed-point">Fulcrum <input type="text" class="field-input mono" value=${point ? formatPoint(point) : ""}
      placeholder="x,y,z px, or x,y,zA"
      aria-label="Fulcrum x,y,z in px from the corner voxel; with A behind, in Å" onChange=${type} /></label>
    ${problem && html`<p class="viewer-problem" role="alert">${problem}</p>`}
    <dl class="point" data-fulcrum=${point ? formatPoint(point) : ""}>
      <dt>px</dt><dd class="mono">${point ? formatPoint(point) : "–"}</dd>
      <dt>Å</dt><dd class="mono">${point ? formatPoint(point.map((value) => value * pixel_size_A)) : "–"}</dd>
    </dl>
    <p class="muted">x,y,z from the corner voxel of the map.</p>`;
}

function Suggestions({ viewer }) {
  const [found, setFound] = useState(null);
  const [told, tell] = useState("");
  const ask = async () => {
    tell("Looking…");
    const domain = viewer.regions.value
      ? { segmentation: viewer.job, regions: viewer.regions.value.chosen.value.join(",") }
      : { mask: viewer.volumes.value.some(({ name }) => name === "mask") ? viewer.job : null };
    try {
      const suggestions = await get(`${pathOf("p", viewer.project, "suggest", "fulcrum")}${queryOf(domain)}`);
      setFound(suggestions);
      tell(suggestions.length ? "" : "Nothing to suggest: segment the map and select the regions of the domain, or make its mask.");
    } catch (error) {
      tell(error.message);
    }
  };
  return html`
    <button class="button" onClick=${ask}>Suggest</button> <span class="muted" role="status">${told}</span>
    <ul class="suggestions">${found?.map(({ title, xyz_px, reason }) => html`
      <li key=${title}><button class="button quiet" onClick=${() => viewer.placeFulcrum(xyz_px)} title=${reason}>${title}</button>
        <span class="muted mono">${formatPoint(xyz_px)}</span></li>`)}</ul>`;
}

/** The map that a job shows the point on: the first one of the view; of a segmentation, what was segmented. */
function mapOfJob(viewer) {
  const [first] = viewer.maps.value;
  if (first && first.source.name !== "segmented") return `${first.source.job}.${first.source.name}`;
  return viewer.card.value?.parameters?.volume ?? null;
}

function SaveFulcrum({ viewer }) {
  const [told, tell] = useState("");
  const point = viewer.fulcrum_px.value;
  const volume = mapOfJob(viewer);
  const save = () =>
    makeJob(viewer.project, "fulcrum", { volume, near: formatPoint(point) })
      .then((name) => tell(`Made ${name}.`))
      .catch((error) => tell(error.message));
  if (!point) return null;
  return html`
    <div class="viewer-buttons">
      <a class="button primary" href=${localRefinementForm(viewer.project, { fulcrum_px: point })}>Local refinement about it</a>
      ${volume && html`<button class="button" onClick=${save}>Save as job</button>`}
    </div>
    <p role="status" class="muted">${told}</p>`;
}

/** @param {{viewer: import("./viewer.js").Viewer}} props */
export function FulcrumPanel({ viewer }) {
  const frame = viewer.frame.value;
  if (!frame) return html`<p class="muted">No map is there yet.</p>`;
  const isHeld = viewer.tool.value === TOOLS.fulcrum;
  return html`
    <button class=${`button${isHeld ? " primary" : ""}`} aria-pressed=${isHeld} aria-keyshortcuts="f" disabled=${!viewer.scene}
      onClick=${() => (viewer.tool.value = isHeld ? TOOLS.select : TOOLS.fulcrum)}>
      ${isHeld ? "Now click on the surface…" : "Place by click (f)"}</button>
    <${TypedPoint} viewer=${viewer} pixel_size_A=${frame.pixel_size_A} />
    <${Suggestions} viewer=${viewer} />
    <${SaveFulcrum} viewer=${viewer} />`;
}
