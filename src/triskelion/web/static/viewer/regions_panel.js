/** The regions of a segmentation: what can be done to them, and their list. */

import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { colorOfRegion } from "./colors.js";
import { REGION_ACTIONS, runRegionAction } from "./region_actions.js";
import { listRegions, listShown } from "./regions.js";

const MOST_LISTED = 200;

function ActionButtons({ editor }) {
  const history = editor.history.value;
  return html`
    <div class="region-actions" role="toolbar" aria-label="Edit regions">
      ${REGION_ACTIONS.map((action) => html`
        <button class="button" key=${action.title} disabled=${!action.isPossible(history)} title=${`${action.help} (${action.key})`}
          aria-keyshortcuts=${action.key.replace("Ctrl", "Control")} onClick=${() => runRegionAction(editor, action)}>${action.title}</button>`)}
    </div>`;
}

/** Voxels of each region, the largest first. */
function measureRegions(editor, nVoxels) {
  const members = editor.membersOf.value;
  const regions = listRegions(editor.state.value);
  const sized = regions.map((number) => ({ number, size: (members.get(number) ?? []).reduce((sum, leaf) => sum + nVoxels[leaf], 0) }));
  return sized.sort((a, b) => b.size - a.size || a.number - b.number);
}

function RegionRow({ editor, number, volume_A3 }) {
  const { hidden, selected, names } = editor.state.value;
  const [isHidden, isSelected, name] = [hidden.has(number), selected.has(number), names.get(number) ?? ""];
  const choose = ({ ctrlKey, metaKey }) => {
    if (ctrlKey || metaKey) editor.edit(isSelected ? "deselect" : "add", [number]);
    else editor.edit("select", [number]);
  };
  return html`
    <tr class=${isSelected ? "is-selected" : ""} aria-selected=${isSelected}>
      <td><input type="checkbox" checked=${!isHidden} aria-label=${`Show region ${number}`}
        onChange=${() => editor.edit(isHidden ? "show" : "hide", [number])} /></td>
      <td><button class="button quiet region-number" onClick=${choose} title="Select; with Ctrl, select too">
        <span class="swatch" style=${{ backgroundColor: colorOfRegion(number) }}></span>${number}</button></td>
      <td><input type="text" class="region-name" value=${name} placeholder="name" aria-label=${`Name of region ${number}`} maxlength="60"
        onChange=${(event) => editor.edit("rename", [number], { name: event.target.value.trim() })} /></td>
      <td class="number">${volume_A3}</td>
    </tr>`;
}

/** @param {{viewer: import("./viewer.js").Viewer}} props */
export function RegionsPanel({ viewer }) {
  const [isLong, setLong] = useState(false);
  const editor = viewer.regions.value;
  const nVoxels = viewer.surfaces?.nVoxels.value;
  if (!editor || !nVoxels) return html`<p class="muted" role="status">Waiting for ${viewer.surfaces?.waitingFor.value || "the regions"}…</p>`;
  const measured = measureRegions(editor, nVoxels);
  const { state } = editor;
  const voxel_A3 = viewer.surfaces.header.value.pixel_size_A ** 3;
  const shown = isLong ? measured : measured.slice(0, MOST_LISTED);
  const counts = `${measured.length} regions, ${listShown(state.value).length} shown, ${state.value.selected.size} selected`;
  return html`
    <${ActionButtons} editor=${editor} />
    <p class="muted" role="status" data-edits=${editor.nEdits.value}>${counts}${editor.isSaving.value ? " – saving…" : ""}</p>
    ${editor.problem.value && html`<p class="viewer-problem" role="alert">${editor.problem.value}</p>`}
    <label class="check"><input type="checkbox" checked=${viewer.surfaces.isVisible.value}
      onChange=${(event) => (viewer.surfaces.isVisible.value = event.target.checked)} /> Draw regions</label>
    <div class="region-list">
      <table>
        <thead><tr><th scope="col">Shown</th><th scope="col">Region</th><th scope="col">Name</th><th scope="col" class="number">Å³</th></tr></thead>
        <tbody>${shown.map(({ number, size }) => html`
          <${RegionRow} key=${number} editor=${editor} number=${number} volume_A3=${Math.round(size * voxel_A3).toLocaleString("en-GB")} />`)}</tbody>
      </table>
      ${shown.length < measured.length && html`<button class="button quiet" onClick=${() => setLong(true)}>List all ${measured.length}</button>`}
    </div>`;
}
