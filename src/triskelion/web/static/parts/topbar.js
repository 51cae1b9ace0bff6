/** The bar above every screen: where one is, search, whether the server is heard, light or dark. */
import { html } from "htm/preact";
import { connection } from "../lib/events.js";
import { hashOf, places, route } from "../lib/router.js";
import { isReadOnly, titleOf } from "../lib/store.js";
import { chooseTheme, theme } from "../lib/theme.js";
import { Icon, Mark } from "./icons.js";
import { SearchBox } from "./search.js";

const STATES = {
  opening: ["opening", "Connecting"],
  open: ["", "Live"],
  lost: ["lost", "Not connected"],
  locked: ["lost", "Locked"],
};
const BANNERS = {
  lost: "The connection to the server is lost. What you see may be old; the page goes on by itself when `triskelion serve` runs again.",
  locked: "The server was started anew and wants its key: open the address that `triskelion serve` printed. What you typed here stays.",
};
const NEXT_THEME = { system: "light", light: "dark", dark: "system" };
const THEME_ICONS = { system: "system", light: "sun", dark: "moon" };
const PLACE_NAMES = { new: "New job", view: "Viewer", compare: "Compare", bin: "Bin", disk: "Disk" };

function Crumbs() {
  const [, project, place, name] = route.value.parts;
  if (!project) return html`<div class="grow"></div>`;
  const trail = [html`<a href=${places.project(project)} aria-current=${place ? null : "page"} class="clip">${titleOf(project)}</a>`];
  if (place === "view") trail.push(html`<a href=${places.job(project, name)}>${name}</a>`);
  if (place === "j") trail.push(html`<span aria-current="page">${name}</span>`);
  else if (place in PLACE_NAMES) trail.push(html`<span aria-current="page">${PLACE_NAMES[place]}</span>`);
  return html`<nav class="crumbs grow" aria-label="Where you are">${trail.map((each) => html`<span class="slash" aria-hidden="true">/</span>
    ${each}`)}</nav>`;
}

function ThemeSwitch() {
  const now = theme.value;
  const label = `Colours: ${now === "system" ? "as the system" : now}. Change to ${NEXT_THEME[now] === "system" ? "as the system" : NEXT_THEME[now]}`;
  return html`<button class="icon-button" aria-label=${label} title=${label} onClick=${() => chooseTheme(NEXT_THEME[now])}>
    <${Icon} name=${THEME_ICONS[now]} /></button>`;
}

/** The bar, and below it what there is to know about the connection. */
export function TopBar() {
  const [className, word] = STATES[connection.value];
  const banner = BANNERS[connection.value];
  const project = route.value.parts[1];
  return html`<header class="topbar">
      <a class="brand" href=${hashOf([])} aria-label="Triskelion, all projects"><${Mark} /><span>Triskelion</span></a>
      <${Crumbs} />
      ${project && html`<${SearchBox} project=${project} />`}
      ${isReadOnly.value && html`<span class="chip" title="This view is shared: nothing can be changed">read-only</span>`}
      <span class="pulse ${className}" title=${word}><i></i><span>${word}</span></span>
      <${ThemeSwitch} />
    </header>
    ${banner && html`<div class="banner ${connection.value === "locked" ? "bad" : ""}" role="alert">${banner}</div>`}`;
}
