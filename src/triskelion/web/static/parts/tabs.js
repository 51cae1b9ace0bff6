/** Tabs: one is shown; arrows go from one to the next. */
import { html } from "htm/preact";

const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

/**
 * The row of tabs.
 * @param {{label: string, tabs: Record<string, string>, chosen: string, choose: (name: string) => void}} props
 */
export function Tabs({ label, tabs, chosen, choose }) {
  const names = Object.keys(tabs);
  const keys = (event) => {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (names.indexOf(chosen) + step + names.length) % names.length;
    choose(names[next]);
    event.currentTarget.children[next].focus();
  };
  return html`<div class="segments" role="tablist" aria-label=${label} onKeyDown=${keys}>
    ${names.map((name) => html`<button role="tab" aria-selected=${name === chosen} tabindex=${name === chosen ? 0 : -1}
      onClick=${() => choose(name)}>${tabs[name]}</button>`)}</div>`;
}
