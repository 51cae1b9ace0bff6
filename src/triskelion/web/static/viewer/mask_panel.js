/** The mask: what it is made of, how far it is dilated and padded, and the jobs that make it. */

import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { localRefinementForm, saveMask, saveMaskBase } from "./make_jobs.js";

const STEP_PX = 0.5;
const THIN = "Thin padding: a sharper edge correlates the noise of the half maps and makes the FSC look better than it is.";
const [MOST_DILATION_PX, MOST_PADDING_PX] = [30, 60];

/** Where the thumb of a slider, 16 px wide, has its middle. */
const placeOnSlider = (share) => `calc(8px + (100% - 16px) * ${share})`;

/** A length in px and Å, typed or slid, with a mark where it should be at least. */
function LengthSlider({ title, length, most, mark, pixel_size_A }) {
  const set = (value) => Number.isFinite(value) && (length.value = Math.min(Math.max(value, 0), most));
  const id = `length-${title.replace(" ", "-")}`;
  return html`
    <div class="length">
      <label for=${id}>${title}</label>
      <span class="length-track">
        <input id=${id} type="range" min="0" max=${most} step=${STEP_PX} value=${length.value} onInput=${(event) => set(+event.target.value)} />
        ${mark > 0 && html`
          <span class="length-mark" style=${{ left: placeOnSlider(mark / most) }} title=${`Recommended: ${mark.toFixed(1)} px`}></span>`}
      </span>
      <input type="number" class="field-input" min="0" max=${most} step=${STEP_PX} value=${length.value} aria-label=${`${title} in px, typed`}
        onChange=${(event) => set(+event.target.value)} /> px
      <span class="muted">${pixel_size_A ? `${(length.value * pixel_size_A).toFixed(1)} Å` : ""}</span>
    </div>`;
}

function ChooseBase({ viewer }) {
  const regions = viewer.regions.value?.state.value;
  const bases = regions
    ? [
        ["chosen", regions.selected.size ? "Selected regions" : "Shown regions"],
        ["others", "All other regions (complement)"],
      ]
    : viewer.volumes.value.filter(({ kind }) => kind !== "mask").map(({ name, title }) => [name, `${title ?? name}, above its level`]);
  return html`
    <label>Made of <select class="field-input" aria-label="What the mask is made of" value=${viewer.maskBase.value}
      onChange=${(event) => (viewer.maskBase.value = event.target.value)}>
      ${bases.map(([value, name]) => html`<option value=${value} key=${value}>${name}</option>`)}
    </select></label>`;
}

function Advice({ mask }) {
  const suggestion = mask.suggestion.value;
  const least = suggestion?.minimum_padding_px;
  const isThin = least && mask.padding_px.value < Math.floor(least);
  const isCut = mask.header.value?.touches_edge && mask.isShown.value;
  return html`
    ${suggestion && html`<p class=${isThin ? "viewer-warning" : "muted"} role="status">
      ${isThin ? `${THIN} Wanted at least ${least.toFixed(1)} px. ` : ""}${suggestion.reason}</p>`}
    ${isCut && html`<p class="viewer-warning" role="status">The mask touches the edge of the box, which cuts it off.</p>`}`;
}

function MakeButtons({ viewer }) {
  const [told, tell] = useState("");
  const [made, setMade] = useState([]);
  const [isBusy, setBusy] = useState(false);
  const act = (make) => async () => {
    setBusy(true);
    tell("");
    try {
      const names = [await make()].flat();
      setMade((before) => [...before, ...names]);
      tell(`Made ${names.join(" and ")}.`);
    } catch (error) {
      tell(error.message);
    }
    setBusy(false);
  };
  const isPossible = !isBusy && Boolean(viewer.mask.base.value);
  const form = localRefinementForm(viewer.project, { fulcrum_px: viewer.fulcrum_px.value, mask: made.at(-1) });
  return html`
    <div class="viewer-buttons">
      <button class="button primary" disabled=${!isPossible} onClick=${act(() => saveMask(viewer, tell))}>Save as mask</button>
      ${viewer.regions.value && html`<button class="button" disabled=${!isPossible}
        onClick=${act(() => saveMaskBase(viewer))}>Save the mask base only</button>`}
    </div>
    <p role="status" class="muted">${told}</p>
    ${made.length > 0 && html`
      <p class="viewer-made">
        ${made.map((name) => html`<a key=${name} href=${`#/p/${viewer.project}/j/${name}`}>${name}</a> `)}
        <a class="button" href=${form}>Local refinement with ${made.at(-1)}</a>
      </p>`}`;
}

/** @param {{viewer: import("./viewer.js").Viewer}} props */
export function MaskPanel({ viewer }) {
  const { mask } = viewer;
  const pixel_size_A = viewer.frame.value?.pixel_size_A;
  const suggestion = mask.suggestion.value;
  return html`
    <label class="check" data-contour-ms=${mask.contour_ms.value ?? ""}><input type="checkbox" checked=${mask.isShown.value}
      onChange=${(event) => (mask.isShown.value = event.target.checked)} />
      Show the mask as it will be <span class="muted">(m)</span></label>
    <${ChooseBase} viewer=${viewer} />
    <${LengthSlider} title="Dilation" length=${mask.dilation_px} most=${MOST_DILATION_PX}
      mark=${suggestion?.dilation_px} pixel_size_A=${pixel_size_A} />
    <${LengthSlider} title="Soft padding" length=${mask.padding_px} most=${MOST_PADDING_PX}
      mark=${suggestion?.minimum_padding_px ?? suggestion?.soft_padding_px} pixel_size_A=${pixel_size_A} />
    <${Advice} mask=${mask} />
    ${mask.waitingFor.value && html`<p class="muted" role="status">Waiting for ${mask.waitingFor.value}…</p>`}
    ${mask.problem.value && html`<p class="viewer-problem" role="alert">${mask.problem.value}</p>`}
    <${MakeButtons} viewer=${viewer} />`;
}
