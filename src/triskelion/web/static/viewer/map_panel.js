/** Maps to compare, side by side or overlaid, in scenes with nothing else; panels that share a camera turn together. */

import { signal } from "@preact/signals";
import { html } from "htm/preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { makeCamera } from "./camera.js";
import { colorOfMap, resolveColor } from "./colors.js";
import { LevelSlider } from "./level_slider.js";
import { ScaleBar } from "./scale_bar.js";
import { Scene } from "./scene.js";
import { ShownMap } from "./shown_map.js";
import { attachTrackball } from "./trackball.js";
import { VolumeClient } from "./volume_client.js";

const OVERLAID_OPACITY = 0.5; // of all maps but the first
const NO_3D = "This browser draws no 3D (WebGL): switch hardware acceleration on in its settings.";

function openScene(canvas, camera, problem) {
  try {
    return new Scene(canvas, camera);
  } catch {
    problem.value = NO_3D;
    return null;
  }
}

function PanelMap({ map }) {
  return html`
    <div class="panel-map" data-map=${map.key}>
      <label class="check"><input type="checkbox" checked=${map.isVisible.value}
        onChange=${(event) => (map.isVisible.value = event.target.checked)} />
        <span class="swatch" style=${{ backgroundColor: map.color.value }}></span>${map.title}</label>
      <${LevelSlider} map=${map} />
      ${map.problem.value && html`<p class="viewer-problem" role="alert">${map.problem.value}</p>`}
    </div>`;
}

function Panel({ project, maps, camera }) {
  const canvas = useRef(null);
  const problem = useMemo(() => signal(null), []);
  const [open, setOpen] = useState({ scene: null, shown: [] });
  useEffect(() => {
    const client = new VolumeClient();
    const scene = openScene(canvas.current, camera, problem);
    const detach = scene && attachTrackball(scene, { onClick: () => {}, startsBox: () => false, onBox: () => {} });
    const shown = maps.map(({ job, output, title, color, level }, i) => {
      const look = { color: color ? resolveColor(color) : colorOfMap(i), opacity: i === 0 ? 1 : OVERLAID_OPACITY, level };
      return new ShownMap({ client, scene }, { project, job, name: output, title: title ?? `${job} ${output}` }, look);
    });
    shown.forEach((map) => map.start());
    setOpen({ scene, shown });
    return () => {
      detach?.();
      shown.forEach((map) => map.close());
      scene?.close();
      client.close();
    };
  }, []);
  return html`
    <div class="map-panel">
      <div class="viewer-stage">
        <canvas ref=${canvas} class="viewer-canvas" tabindex="0" role="img"
          aria-label=${`Surface of ${maps.map(({ title, job }) => title ?? job).join(" and ")}`}></canvas>
        ${open.scene && html`<${ScaleBar} camera=${camera} scene=${open.scene} />`}
      </div>
      ${problem.value && html`<p class="viewer-problem" role="alert">${problem.value}</p>`}
      ${open.shown.map((map) => html`<${PanelMap} key=${map.key} map=${map} />`)}
    </div>`;
}

const keyOf = ({ job, output }) => `${job}.${output}`;

/**
 * Maps to compare: each in a scene of its own, or all in one.
 * @param {object} props
 * @param {string} props.project
 * @param {{job: string, output: string, title?: string, color?: string, level?: number}[]} props.maps
 * @param {import("@preact/signals").Signal<import("./camera.js").View>} [props.camera] from makeCamera; panels with the same one turn together
 */
export function MapPanel({ project, maps, camera }) {
  const own = useMemo(makeCamera, []);
  const [isOverlaid, setOverlaid] = useState(false);
  const panels = isOverlaid || maps.length === 1 ? [maps] : maps.map((map) => [map]);
  const choice = (value, title) => html`<button aria-pressed=${isOverlaid === value} onClick=${() => setOverlaid(value)}>${title}</button>`;
  return html`
    ${maps.length > 1 && html`<div class="segments" role="group" aria-label="How maps are compared">
      ${choice(false, "Side by side")}${choice(true, "Overlaid")}</div>`}
    <div class="map-panels">
      ${panels.map((shown) => html`
        <${Panel} key=${[project, ...shown.map(keyOf)].join()} project=${project} maps=${shown} camera=${camera ?? own} />`)}
    </div>`;
}
