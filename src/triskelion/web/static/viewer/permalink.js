/** Keeps the address of the page telling what the viewer shows, so that a reload or a copied link shows it again. */

import { effect } from "@preact/signals";
import { hashOf, parseHash } from "../lib/router.js";
import { encodeView } from "./view_state.js";

const SETTLE_MS = 250; // a slider would write hundreds of addresses, which browsers refuse

/**
 * Write the state into the address whenever it changes. No step is added to the history.
 * @param {import("./viewer.js").Viewer} viewer
 * @returns {() => void} stops it
 */
export function keepLink(viewer) {
  let timer = 0;
  const write = (state) => {
    const { parts, query } = parseHash(location.hash);
    if (parts[0] !== "p" || parts[2] !== "view" || parts[3] !== viewer.job) return; // the page has gone on
    history.replaceState(null, "", hashOf(parts, { ...query, ...encodeView(state) }));
  };
  const stop = effect(() => {
    const state = viewer.describe();
    clearTimeout(timer);
    timer = setTimeout(() => write(state), SETTLE_MS);
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}
