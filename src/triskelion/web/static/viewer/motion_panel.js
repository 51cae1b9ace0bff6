/** Choose a movie of a domain's motion, play it, go through it by hand. */

import { html } from "htm/preact";
import { useEffect, useMemo } from "preact/hooks";
import { listMovies, MotionPlayer } from "./motion_player.js";

const FARTHEST_SD = 2; // a movie goes from -2 to 2 standard deviations of the motion

/** @param {{viewer: import("./viewer.js").Viewer}} props */
export function MotionPanel({ viewer }) {
  const movies = listMovies(viewer.volumes.value);
  const player = useMemo(() => new MotionPlayer(viewer), [viewer]);
  useEffect(() => {
    player.open(movies[0]);
    return () => player.close();
  }, [player]);
  const [frame, nFrames, header] = [player.frame.value, player.nFrames.value, player.header.value];
  const sd = nFrames > 1 ? FARTHEST_SD * ((2 * frame) / (nFrames - 1) - 1) : 0;
  return html`
    <label>Movie <select class="field-input" value=${player.title.value} aria-label="Movie"
      onChange=${(event) => player.open(movies.find(({ title }) => title === event.target.value))}>
      ${movies.map(({ title }) => html`<option key=${title} value=${title}>${title}</option>`)}
    </select></label>
    <div class="motion-controls">
      <button class="button primary" aria-pressed=${player.isPlaying.value} disabled=${player.nLoaded.value < 2}
        onClick=${() => (player.isPlaying.value ? player.pause() : player.play())}>${player.isPlaying.value ? "Pause" : "Play"}</button>
      <input type="range" min="0" max=${Math.max(player.nLoaded.value - 1, 0)} step="1" value=${frame} aria-label="Frame" data-frame=${frame}
        onInput=${(event) => (player.pause(), player.show(+event.target.value))} />
      <span class="muted">${sd.toFixed(1)} sd</span>
    </div>
    <p class="muted" role="status">
      ${player.nLoaded.value < nFrames ? `Loading frame ${player.nLoaded.value + 1} of ${nFrames}…` : `${nFrames} frames`}</p>
    ${header && html`<label>Level <input type="range" min=${header.low} max=${header.high} step=${(header.high - header.low) / 500}
      value=${player.level.value}
      aria-label="Contour level of the movie" onInput=${(event) => player.setLevel(+event.target.value)} /></label>`}
    ${player.problem.value && html`<p class="viewer-problem" role="alert">${player.problem.value}</p>`}`;
}
