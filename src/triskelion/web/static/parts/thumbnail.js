/** A small slice of a job's map, read when its card comes into sight. */
import { html } from "htm/preact";
import { useEffect, useRef } from "preact/hooks";
import { get, pathOf } from "../lib/api.js";
import { drawGrey, greyLevels, unpackImage } from "../plots/images.js";

/** Job types that end with slices of their map. */
const WITH_SLICES = ["reconstruct", "homogeneous_refinement", "nonuniform_refinement", "local_refinement"];
const drawn = new Map(); // "project J5 ended" -> image: cards come and go as one filters

async function readSlice(project, job) {
  const data = await get(`${pathOf("p", project, "j", job)}/plots/map_slices?as=json`);
  return unpackImage(data.rows[0].xy);
}

/** Nothing, for jobs without a map of their own. */
export function Thumbnail({ project, card }) {
  const canvas = useRef(null);
  const isThere = WITH_SLICES.includes(card.type) && card.state === "completed";
  const key = `${project} ${card.name} ${card.ended}`;
  useEffect(() => {
    if (!isThere) return undefined;
    const show = (image) => canvas.current && drawGrey(canvas.current, image, greyLevels([image]));
    const watch = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      watch.disconnect();
      if (!drawn.has(key)) drawn.set(key, readSlice(project, card.name));
      drawn.get(key).then(show, () => drawn.delete(key)); // a job without plots: the card does without
    });
    watch.observe(canvas.current);
    return () => watch.disconnect();
  }, [key, isThere]);
  return isThere ? html`<canvas class="thumbnail" ref=${canvas} width="1" height="1" aria-hidden="true"></canvas>` : null;
}
