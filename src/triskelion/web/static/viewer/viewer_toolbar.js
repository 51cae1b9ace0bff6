/** The tools above the scene, and the help on keys. */

import { html } from "htm/preact";
import { useRef } from "preact/hooks";
import { REGION_ACTIONS } from "./region_actions.js";
import { POINTER_HELP, VIEW_KEYS } from "./shortcuts.js";
import { TOOLS } from "./viewer.js";

const TOOL_BUTTONS = [
  { tool: TOOLS.select, title: "Select", help: "Click selects a region; drag turns" },
  { tool: TOOLS.box, title: "Box", help: "Select regions with a box (b)" },
  { tool: TOOLS.fulcrum, title: "Fulcrum", help: "Place the fulcrum with a click (f)" },
];

function savePicture(viewer) {
  const link = document.createElement("a");
  link.href = viewer.scene.takePicture();
  link.download = `${viewer.job}.png`;
  link.click();
}

function KeysDialog({ dialog, hasRegions }) {
  const keys = [...(hasRegions ? REGION_ACTIONS : []), ...VIEW_KEYS].map(({ key, help }) => [key, help]);
  return html`
    <dialog ref=${dialog} class="viewer-keys" aria-label="Keys and pointer">
      <table><tbody>
        ${[...POINTER_HELP, ...keys].map(([key, help]) => html`<tr key=${help}><th scope="row"><kbd>${key}</kbd></th><td>${help}</td></tr>`)}
      </tbody></table>
      <form method="dialog"><button class="button">Close</button></form>
    </dialog>`;
}

/** @param {{viewer: import("./viewer.js").Viewer}} props */
export function ViewerToolbar({ viewer }) {
  const dialog = useRef(null);
  const card = viewer.card.value;
  const hasRegions = Boolean(viewer.regions.value);
  const buttons = TOOL_BUTTONS.filter(({ tool }) => hasRegions || tool !== TOOLS.box);
  return html`
    <header class="viewer-toolbar">
      <h1><a href=${`#/p/${viewer.project}/j/${viewer.job}`}>${viewer.job}</a> ${card?.title || card?.type_title || ""}</h1>
      <div role="toolbar" aria-label="Tools of the view">
        ${buttons.map(({ tool, title, help }) => html`
          <button class=${`button${viewer.tool.value === tool ? " primary" : ""}`} key=${tool} aria-pressed=${viewer.tool.value === tool}
            title=${help} disabled=${!viewer.scene} onClick=${() => (viewer.tool.value = tool)}>${title}</button>`)}
        <span class="viewer-gap"></span>
        <button class=${`button${viewer.hasSlices.value ? " primary" : ""}`} aria-pressed=${viewer.hasSlices.value}
          title="Slices through the cross-hair (s)"
          onClick=${() => (viewer.hasSlices.value = !viewer.hasSlices.value)}>Slices</button>
        <button class="button" title="Show everything again (0)" disabled=${!viewer.scene} onClick=${() => viewer.scene.fit()}>Fit</button>
        <button class="button" title="Save what is shown as PNG" disabled=${!viewer.scene} onClick=${() => savePicture(viewer)}>Picture</button>
        <button class="button" title="Keys and pointer" aria-haspopup="dialog" onClick=${() => dialog.current.showModal()}>Keys</button>
      </div>
      <${KeysDialog} dialog=${dialog} hasRegions=${hasRegions} />
    </header>`;
}
