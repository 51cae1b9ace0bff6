/** The screen of one job in 3D: scene, slices, and panels for maps, regions, mask, fulcrum and motion. */

import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { FulcrumPanel } from "./fulcrum_panel.js";
import { MapsPanel } from "./maps_panel.js";
import { MaskPanel } from "./mask_panel.js";
import { MotionPanel } from "./motion_panel.js";
import { keepLink } from "./permalink.js";
import { attachPointerTools } from "./pointer_tools.js";
import { RegionsPanel } from "./regions_panel.js";
import { ScaleBar } from "./scale_bar.js";
import { attachShortcuts } from "./shortcuts.js";
import { Slices } from "./slices.js";
import { decodeView } from "./view_state.js";
import { Viewer } from "./viewer.js";
import { ViewerToolbar } from "./viewer_toolbar.js";

/** One folding panel. */
function Panel({ title, isOpen = true, children }) {
  return html`
    <details class="viewer-panel panel" open=${isOpen}>
      <summary>${title}</summary>
      <div class="viewer-panel-body">${children}</div>
    </details>`;
}

function Panels({ viewer }) {
  const { isSegmentation: hasRegions, hasMovies } = viewer;
  return html`
    <aside class="viewer-panels" aria-label="What is shown">
      ${hasMovies && html`<${Panel} title="Motion"><${MotionPanel} viewer=${viewer} /><//>`}
      ${hasRegions && html`<${Panel} title="Regions"><${RegionsPanel} viewer=${viewer} /><//>`}
      <${Panel} title="Maps" isOpen=${!hasRegions}><${MapsPanel} viewer=${viewer} /><//>
      ${!hasMovies && html`
        <${Panel} title="Mask"><${MaskPanel} viewer=${viewer} /><//>
        <${Panel} title="Fulcrum"><${FulcrumPanel} viewer=${viewer} /><//>`}
    </aside>`;
}

function Box({ box }) {
  const drawn = box?.value;
  if (!drawn) return null;
  const { left, top, right, bottom } = drawn;
  const place = { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` };
  return html`<div class="viewer-box" style=${place}></div>`;
}

/** A view, from its start to its end. Another job, or a link to another state, is another view. */
function View({ project, job, query }) {
  const canvas = useRef(null);
  const [{ viewer, box }, setView] = useState({ viewer: null, box: null });
  useEffect(() => {
    const state = decodeView(query);
    const viewer = new Viewer({ project, job, canvas: canvas.current, state });
    const tools = viewer.scene && attachPointerTools(viewer);
    const stops = [() => tools?.detach(), attachShortcuts(viewer)];
    setView({ viewer, box: tools?.box ?? null });
    let isClosed = false;
    viewer.start(state).then(() => isClosed || stops.push(keepLink(viewer)));
    return () => {
      isClosed = true;
      stops.forEach((stop) => stop());
      viewer.close();
    };
  }, []);
  const problem = viewer?.problem.value;
  const nDrawn = viewer?.regions.value ? viewer.surfaces.nDrawn.value : null;
  return html`
    <section class="viewer" aria-label=${`${job} in 3D`}>
      <div class="viewer-main">
        ${viewer && html`<${ViewerToolbar} viewer=${viewer} />`}
        ${problem && html`<p class="viewer-problem" role="alert">${problem}</p>`}
        <div class=${`viewer-stage tool-${viewer?.tool.value ?? "select"}`} data-regions=${nDrawn} data-pick-ms=${viewer?.picked_ms.value}>
          <canvas ref=${canvas} class="viewer-canvas" tabindex="0" role="img"
            aria-label=${`Surfaces of ${job}; drag or use the arrow keys to turn them`}></canvas>
          <${Box} box=${box} />
          ${viewer?.scene && html`<${ScaleBar} camera=${viewer.camera} scene=${viewer.scene} />`}
        </div>
        ${viewer?.hasSlices.value && html`<${Slices} viewer=${viewer} />`}
      </div>
      ${viewer && html`<${Panels} viewer=${viewer} />`}
    </section>`;
}

/**
 * The viewer of a job.
 * @param {{project: string, job: string, query: URLSearchParams|Record<string, string>}} props query: the state that the link tells
 */
export function ViewerScreen({ project, job, query }) {
  const told = query instanceof URLSearchParams ? Object.fromEntries(query) : { ...query };
  return html`<${View} key=${JSON.stringify([project, job, told])} project=${project} job=${job} query=${told} />`;
}
