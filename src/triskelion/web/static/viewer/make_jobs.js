/** Jobs made from what is shown. They are ordinary jobs: the command line makes the same ones. */

import { get, pathOf, post } from "../lib/api.js";
import { hashOf } from "../lib/router.js";
import { formatPoint } from "./coordinates.js";

const LOOK_AGAIN_MS = 400;
const OVER = ["completed", "failed", "killed"];

/** Make a job. @param {string} project @param {string} type @param {object} parameters @returns {Promise<string>} its name */
export async function makeJob(project, type, parameters) {
  const { name } = await post(`${pathOf("p", project)}/jobs`, { type, parameters, lane: null, clone_of: null, workspace: null });
  return name;
}

/**
 * Wait for a job.
 * @param {string} project @param {string} job
 * @throws {Error} it did not complete
 */
export async function waitForJob(project, job) {
  for (;;) {
    const { state, message } = await get(pathOf("p", project, "j", job));
    if (state === "completed") return;
    if (OVER.includes(state)) throw new Error(`${job} ${state}: ${message ?? "its log says why"}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

/**
 * Save the density of regions as the base of a mask. The edits are counted, so that later ones do not change what the job means.
 * @param {import("./viewer.js").Viewer} viewer
 * @returns {Promise<string>} name of the job
 */
export async function saveMaskBase(viewer) {
  const editor = viewer.regions.peek();
  await editor.settled();
  const regions = editor.chosen.peek().join(",");
  return makeJob(viewer.project, "mask_base", { segmentation: viewer.job, regions, n_edits: editor.nEdits.peek() });
}

/**
 * Make the mask that is shown.
 * @param {import("./viewer.js").Viewer} viewer
 * @param {(text: string) => void} tell what is being done
 * @returns {Promise<string[]>} names of the jobs made, the mask last
 */
export async function saveMask(viewer, tell) {
  const { dilation_px, padding_px } = viewer.mask;
  const lengths = { output: "mask", dilation_px: String(dilation_px.peek()), soft_padding_px: String(padding_px.peek()) };
  if (!viewer.regions.peek()) {
    const { output, threshold } = viewer.mask.base.peek();
    return [await makeJob(viewer.project, "volume_tools", { volume: viewer.job, volume_name: output, threshold, ...lengths })];
  }
  const base = await saveMaskBase(viewer);
  tell(`${base} is making the mask base`);
  await waitForJob(viewer.project, base);
  const volume_name = viewer.maskBase.peek() === "others" ? "complement_base" : "mask_base";
  return [base, await makeJob(viewer.project, "volume_tools", { volume: base, volume_name, ...lengths })];
}

/**
 * The address of the form of a local refinement, filled with what was found here.
 * @param {string} project
 * @param {{fulcrum_px?: number[]|null, mask?: string|null}} found
 * @returns {string}
 */
export function localRefinementForm(project, { fulcrum_px, mask }) {
  return hashOf(["p", project, "new", "local_refinement"], { fulcrum: fulcrum_px && formatPoint(fulcrum_px), mask });
}
