/** An input slot: filled by typing, from a list of what there is, or by dragging; what does not fit is refused with the reason. */
import { html } from "htm/preact";
import { useState } from "preact/hooks";
import { DRAGGED } from "./output_list.js";
import { Icon } from "./icons.js";

/** What was dropped or picked, or why not. */
function useRefusal(candidates, take) {
  const [refusal, setRefusal] = useState(null);
  const offer = (reference) => {
    const found = candidates?.find((each) => each.reference === reference);
    if (found && !found.fits) {
      setRefusal(`${reference} does not fit here: ${found.reason}`);
      return false;
    }
    setRefusal(null);
    take(reference);
    return true;
  };
  return [refusal, offer, () => setRefusal(null)];
}

function Option({ candidate, isCurrent, onPick }) {
  const { reference, title, fits, reason } = candidate;
  return html`<li role="option" aria-selected=${isCurrent} aria-disabled=${!fits} class=${fits ? "" : "unfit"} onMouseDown=${(event) => {
    event.preventDefault(); // the input keeps the focus
    onPick(reference);
  }}><b>${reference}</b><span class="clip">${title}</span>${!fits && html`<span class="reason">${reason}</span>`}</li>`;
}

function Options({ id, candidates, text, place, offer }) {
  const shown = orderCandidates(candidates, text);
  if (!shown.length) return html`<div class="options"><p class="muted small">No job has made anything yet. Type the path of a file.</p></div>`;
  return html`<ul class="options" role="listbox" id=${id}>${shown.map((each, number) => html`<${Option} key=${each.reference} candidate=${each}
    isCurrent=${number === place} onPick=${offer} />`)}</ul>`;
}

/** What fits first; of what does not fit, all the same, with its reason: one looks for it and shall see why. */
function orderCandidates(candidates, text) {
  const words = text.toLowerCase();
  const isWanted = (each) => !words || `${each.reference} ${each.title}`.toLowerCase().includes(words);
  return candidates.filter(isWanted).sort((a, b) => Number(b.fits) - Number(a.fits));
}

/**
 * The control of a slot; one that takes several adds to its list.
 * @param {{field: object, value: string|string[], change: (value: any) => void, error: string|null, candidates?: object[],
 *   describedBy: string}} props
 */
export function SlotField({ field, value, change, error, candidates = [], describedBy }) {
  const [isOpen, setOpen] = useState(false);
  const [typed, setTyped] = useState(null); // null: the list shows everything, whatever stands in the box
  const [place, setPlace] = useState(-1); // none: Enter takes only what one moved to, or typed towards
  const [isOver, setOver] = useState(false);
  const take = (reference) => {
    change(field.several ? [...value, reference] : reference);
    setOpen(false);
    setTyped(null);
    setPlace(-1);
  };
  const [refusal, offer, forget] = useRefusal(candidates, take);
  const shown = orderCandidates(candidates, typed ?? "");
  const chosen = candidates.find((each) => each.reference === value) ?? candidates.find((each) => each.fits && each.job === value);
  const keys = (event) => {
    if (event.key === "ArrowDown") {
      setOpen(true);
      setPlace(isOpen ? Math.min(place + 1, shown.length - 1) : 0);
    } else if (event.key === "ArrowUp") setPlace(Math.max(place - 1, 0));
    else if (event.key === "Enter" && isOpen && shown[place]) offer(shown[place].reference);
    else if (event.key === "Enter" && field.several && typed) take(typed);
    else if (event.key === "Escape" && isOpen) setOpen(false);
    else return;
    event.preventDefault();
  };
  const type = (event) => {
    forget();
    setTyped(event.target.value);
    setPlace(0);
    if (!field.several) change(event.target.value);
  };
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    offer(event.dataTransfer.getData(DRAGGED) || event.dataTransfer.getData("text/plain"));
  };
  const over = (event) => {
    event.preventDefault();
    setOver(true);
  };
  const id = `options-${field.name}`;
  const inputValue = field.several ? (typed ?? "") : value;
  return html`<div class="slot ${isOver ? "over" : ""} ${value.length ? "filled" : ""}" data-kind=${field.slot} onDragOver=${over}
    onDragLeave=${() => setOver(false)} onDrop=${drop}>
    ${field.several && value.length > 0 && html`<${Several} value=${value} change=${change} />`}
    <div class="slot-box"><i class="kind-dot ${field.slot}" aria-hidden="true"></i>
      <input id="field-${field.name}" value=${inputValue} placeholder="Pick, drag or type" spellcheck="false" autocomplete="off" role="combobox"
        aria-expanded=${isOpen} aria-controls=${id}
        aria-invalid=${Boolean(error)} aria-describedby=${describedBy} onInput=${type} onKeyDown=${keys}
        onFocus=${() => setOpen(true)} onBlur=${() => setOpen(false)} />
      ${!field.several && value && html`<button type="button" class="icon-button" aria-label="Empty ${field.title}"
        onClick=${() => change(undefined)}><${Icon} name="close" size="12" /></button>`}
    </div>
    ${isOpen && html`<${Options} id=${id} candidates=${candidates} text=${typed ?? ""} place=${place} offer=${offer} />`}
    ${chosen && html`<p class="small chosen clip">${chosen.output}: ${chosen.title}</p>`}
    ${refusal && html`<p class="field-error" role="alert">${refusal}</p>`}
  </div>`;
}

function Several({ value, change }) {
  const without = (place) => change(value.filter((_, number) => number !== place));
  return html`<div class="row tight">${value.map((each, place) => html`<span class="chip">${each}
    <button type="button" class="chip-close" aria-label="Take ${each} away" onClick=${() => without(place)}><${Icon} name="close" size="10" />
      </button></span>`)}</div>`;
}
