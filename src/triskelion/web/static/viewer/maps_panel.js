/** The maps of a view: level, colour, opacity, style, blur; and more maps to add. */

import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { get, pathOf, queryOf } from "../lib/api.js";
import { LevelSlider } from "./level_slider.js";

const STYLES = { surface: "Surface", mesh: "Mesh" };
const MOST_BLUR_A = 20;

/** What is being waited for, what went wrong, and how fine the map is drawn. */
function MapStatus({ map }) {
  const { milliseconds, nFaces, bin } = map.contoured.value;
  if (map.problem.value) return html`<p class="viewer-problem" role="alert">${map.problem.value}</p>`;
  const waiting = map.waitingFor.value;
  const drawn = milliseconds === null
    ? ""
    : `${Math.round(nFaces / 1000)}k faces in ${Math.round(milliseconds)} ms${bin > 1 ? `, ${bin}× binned` : ""}`;
  return html`<p class="muted map-status" role="status" data-contour-ms=${milliseconds} data-bin=${bin}>
    ${waiting ? `Waiting for ${waiting}… ` : ""}${drawn}</p>`;
}

function MapRow({ viewer, map }) {
  const { title, key } = map;
  return html`
    <li class="map-row" data-map=${key}>
      <div class="map-head">
        <input type="checkbox" checked=${map.isVisible.value} aria-label=${`Show ${title}`}
          onChange=${(event) => (map.isVisible.value = event.target.checked)} />
        <input type="color" value=${map.color.value} aria-label=${`Colour of ${title}`}
          onInput=${(event) => (map.color.value = event.target.value)} />
        <span class="map-title" title=${key}>${title}</span>
        <button class="button quiet" title=${`Take ${title} out of the view`} aria-label=${`Remove ${title}`}
          onClick=${() => viewer.removeMap(map)}>×</button>
      </div>
      <${LevelSlider} map=${map} />
      <div class="map-look">
        <label>Opacity <input type="range" min="0.1" max="1" step="0.05" value=${map.opacity.value} aria-label=${`Opacity of ${title}`}
          onInput=${(event) => (map.opacity.value = +event.target.value)} /></label>
        <label>Style <select class="field-input" value=${map.style.value} aria-label=${`Style of ${title}`}
          onChange=${(event) => (map.style.value = event.target.value)}>
          ${Object.entries(STYLES).map(([value, name]) => html`<option value=${value}>${name}</option>`)}
        </select></label>
        <label title="Blurred for the eye only: jobs take the map as it is">Gaussian
          <input type="number" class="field-input" min="0" max=${MOST_BLUR_A} step="0.5" value=${map.sdev_A.value}
            aria-label=${`Gaussian preview of ${title}, standard deviation in Å`}
          onChange=${(event) => map.blur(Math.min(Math.max(+event.target.value || 0, 0), MOST_BLUR_A))} /> Å</label>
      </div>
      <${MapStatus} map=${map} />
    </li>`;
}

/** Other maps: of this job first, then of all jobs of the project. */
function AddMap({ viewer }) {
  const [others, setOthers] = useState([]);
  useEffect(() => {
    const read = (slot) => get(`${pathOf("p", viewer.project)}/candidates${queryOf({ type: "volume_tools", slot })}`);
    Promise.all([read("volume"), read("mask")])
      .then(([volumes, masks]) => {
        const take = (kind) => ({ job, output, title }) => ({ job, name: output, kind, title: `${job} ${output}`, help: title });
        setOthers([...volumes.map(take("volume")), ...masks.map(take("mask"))]);
      })
      .catch((error) => (viewer.problem.value = error.message));
  }, [viewer]);
  const own = viewer.volumes.value.map((volume) => ({ ...volume, title: volume.title ?? volume.name }));
  const isShown = ({ job, name }) => viewer.maps.value.some(({ source }) => source.job === job && source.name === name);
  const offered = [...own, ...others.filter(({ job }) => job !== viewer.job)].filter((source) => !isShown(source));
  const add = (event) => {
    const source = offered[event.target.value];
    event.target.value = "";
    if (source) viewer.addMap(source);
  };
  return html`
    <select class="field-input add-map" value="" aria-label="Add a map to the view" onChange=${add}>
      <option value="">Add a map…</option>
      ${offered.map(({ job, name, title }, i) => html`
        <option value=${i} key=${`${job}.${name}`}>${job === viewer.job ? `${job} ${title}` : title}</option>`)}
    </select>`;
}

/** @param {{viewer: import("./viewer.js").Viewer}} props */
export function MapsPanel({ viewer }) {
  return html`
    <ul class="map-list">${viewer.maps.value.map((map) => html`<${MapRow} key=${map.key} viewer=${viewer} map=${map} />`)}</ul>
    <${AddMap} viewer=${viewer} />`;
}
