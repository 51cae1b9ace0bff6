/** What pointer, wheel and arrow keys do to the view: drag turns, right or Shift drag moves, the wheel comes nearer. */

import { moveView, turnView, zoomView } from "./camera.js";

const CLICK_PX = 4; // a pointer that moved less was a click
const KEY_TURN_PX = 24;
const ZOOM_PER_WHEEL = 0.0015;
const KEY_ZOOM = 1.15;
const KEYS = {
  ArrowLeft: (view) => turnView(view, -KEY_TURN_PX, 0),
  ArrowRight: (view) => turnView(view, KEY_TURN_PX, 0),
  ArrowUp: (view) => turnView(view, 0, -KEY_TURN_PX),
  ArrowDown: (view) => turnView(view, 0, KEY_TURN_PX),
  "+": (view) => zoomView(view, 1 / KEY_ZOOM),
  "=": (view) => zoomView(view, 1 / KEY_ZOOM),
  "-": (view) => zoomView(view, KEY_ZOOM),
};

/**
 * Let a person turn the scene.
 * @param {import("./scene.js").Scene} scene
 * @param {object} actions
 * @param {(event: PointerEvent) => void} actions.onClick a click that was no drag
 * @param {(event: PointerEvent) => boolean} actions.startsBox whether a drag draws a box instead
 * @param {(corner: {clientX: number, clientY: number}, event: PointerEvent, isDone: boolean) => void} actions.onBox
 * @returns {() => void} takes the listeners away
 */
export function attachTrackball(scene, { onClick, startsBox, onBox }) {
  const { canvas, camera } = scene;
  let drag = null; // {start, last, isBox, hasMoved}

  const onDown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    drag = { start: event, last: event, isBox: event.button === 0 && startsBox(event), hasMoved: false };
  };
  const onMove = (event) => {
    if (!drag) return;
    const [dx, dy] = [event.clientX - drag.last.clientX, event.clientY - drag.last.clientY];
    drag.hasMoved ||= Math.hypot(event.clientX - drag.start.clientX, event.clientY - drag.start.clientY) > CLICK_PX;
    if (!drag.hasMoved) return;
    if (drag.isBox) onBox(drag.start, event, false);
    else if (drag.start.button !== 0 || drag.start.shiftKey) camera.value = moveView(camera.peek(), dx, dy, canvas.clientHeight);
    else camera.value = turnView(camera.peek(), dx, dy);
    drag.last = event;
  };
  const onUp = (event) => {
    if (!drag) return;
    const { start, isBox, hasMoved } = drag;
    drag = null;
    if (hasMoved && isBox) onBox(start, event, true);
    else if (!hasMoved && event.button === 0) onClick(event);
  };
  const onWheel = (event) => {
    event.preventDefault();
    camera.value = zoomView(camera.peek(), Math.exp(event.deltaY * ZOOM_PER_WHEEL));
  };
  const onKey = (event) => {
    const act = KEYS[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    camera.value = act(camera.peek());
  };
  const listeners = {
    pointerdown: onDown,
    pointermove: onMove,
    pointerup: onUp,
    pointercancel: () => (drag = null),
    wheel: onWheel,
    keydown: onKey,
    contextmenu: (event) => event.preventDefault(), // the right button moves
  };
  for (const [name, listener] of Object.entries(listeners)) canvas.addEventListener(name, listener, { passive: false });
  return () => {
    for (const [name, listener] of Object.entries(listeners)) canvas.removeEventListener(name, listener);
  };
}
