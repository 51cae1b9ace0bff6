/** What clicks and boxes in the scene do, depending on the tool that is held. */

import { signal } from "@preact/signals";
import { attachTrackball } from "./trackball.js";
import { TOOLS } from "./viewer.js";

/**
 * Let clicks select regions, move the cross-hair and place the fulcrum.
 * @param {import("./viewer.js").Viewer} viewer with a scene
 * @returns {{box: import("@preact/signals").Signal<object|null>, detach: () => void}} box: the rectangle being drawn, in px of the canvas
 */
export function attachPointerTools(viewer) {
  const box = signal(null);
  let lastClick = Promise.resolve(); // clicks count in the order in which they were made, however long each pick takes
  const detach = attachTrackball(viewer.scene, {
    onClick: (event) => {
      lastClick = lastClick.then(() => click(viewer, event)).catch((error) => (viewer.problem.value = error.message));
    },
    startsBox: (event) => Boolean(viewer.regions.peek()) && (viewer.tool.peek() === TOOLS.box || event.ctrlKey || event.metaKey),
    onBox: (start, end, isDone) => {
      const drawn = rectangle(viewer.scene.canvas, start, end);
      box.value = isDone ? null : drawn;
      if (!isDone) return;
      viewer.tool.value = TOOLS.select;
      viewer.regions.peek().edit(end.shiftKey ? "add" : "select", viewer.surfaces.findInBox(drawn));
    },
  });
  return { box, detach };
}

async function click(viewer, { clientX, clientY, ctrlKey, metaKey }) {
  const hit = await viewer.pick(clientX, clientY);
  if (viewer.tool.peek() === TOOLS.fulcrum) {
    if (!hit) return; // the tool is still in the hand
    viewer.placeFulcrum(hit.xyz_px);
    viewer.tool.value = TOOLS.select;
    return;
  }
  if (hit) viewer.crosshair_px.value = hit.xyz_px;
  const editor = viewer.regions.peek();
  if (editor) selectClicked(editor, hit?.region ?? 0, ctrlKey || metaKey);
}

function selectClicked(editor, region, isMore) {
  const { selected } = editor.state.peek();
  if (isMore) {
    if (region) editor.edit(selected.has(region) ? "deselect" : "add", [region]);
  } else if (region) editor.edit("select", [region]);
  else if (selected.size) editor.edit("deselect", selected);
}

function rectangle(canvas, start, end) {
  const { left, top } = canvas.getBoundingClientRect();
  return {
    left: Math.min(start.clientX, end.clientX) - left,
    right: Math.max(start.clientX, end.clientX) - left,
    top: Math.min(start.clientY, end.clientY) - top,
    bottom: Math.max(start.clientY, end.clientY) - top,
  };
}
