/** The few pictures the page draws with: 16 px, in the colour of the text. */
import { html } from "htm/preact";

const PATHS = {
  running: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
  completed: "M3 8.5l3.2 3.2L13 4.8",
  failed: "M4 4l8 8M12 4l-8 8",
  killed: "M4.5 4.5h7v7h-7z",
  queued: "M8 2.5v5.5l3.2 2M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11",
  building: "M3 8h.01M8 8h.01M13 8h.01",
  warning: "M8 2.5l6 11H2zM8 6.5v3.2M8 11.6v.2",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.5 10.5l3.5 3.5",
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M5.5 5.5h8v8h-8zM3 10.5V2.5h7.5",
  download: "M8 2v8M4.5 7L8 10.5 11.5 7M2.5 13.5h11",
  folder: "M1.8 3.5h4l1.5 2h6.9v7H1.8z",
  file: "M4 1.8h5.5L12.5 5v9.2H4zM9.2 2v3.2h3.2",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1",
  moon: "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z",
  system: "M2 3h12v8H2zM5.5 13.5h5",
  note: "M3 2.5h10v8l-3 3H3zM13 10.5h-3v3",
  tag: "M2.5 2.5h5.5l5.5 5.5-5.5 5.5-5.5-5.5zM5.5 5.5v.01",
  view: "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8M8 6a2 2 0 1 0 0 4 2 2 0 0 0 0-4",
  bin: "M3 4.5h10M6 4V2.5h4V4M4.5 4.5l.6 9h5.8l.6-9",
  up: "M8 13V3M4 7l4-4 4 4",
  back: "M10 3L5 8l5 5",
  reset: "M3.5 6.5a5 5 0 1 1-.6 3.6M3 2.8v3.9h3.9",
  more: "M8 3.5v.01M8 8v.01M8 12.5v.01",
};

/**
 * One picture; it says nothing to a screen reader: the words stand beside it, or in the label of its button.
 * @param {{name: keyof PATHS, size?: number}} props
 */
export function Icon({ name, size = 16 }) {
  return html`<svg class="icon icon-${name}" width=${size} height=${size} viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.6"
    stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}

/** The mark of the program: three legs. */
export function Mark() {
  const leg = "M16 16C16 9 21 5 25 8 28 10.5 26.5 14 24 13.5";
  return html`<svg viewBox="0 0 32 32" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" aria-hidden="true">
    ${[0, 120, 240].map((turn) => html`<path d=${leg} transform="rotate(${turn} 16 16)" />`)}</svg>`;
}
