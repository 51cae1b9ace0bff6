/** What the page hears from the server while it is open. */
import { signal } from "@preact/signals";
import { openStream } from "./stream.js";

/** How the stream is: "opening", "open", "lost" (it will come back) or "locked" (the server wants its address with the token again). */
export const connection = signal("opening");

const listeners = new Set();

/**
 * Hear every event until the function that is returned is called.
 * @param {(name: "card"|"job"|"gone"|"again"|"anew", data: any) => void} listener "again": the stream was lost and is back with all that was missed;
 *   "anew": it is back without, and everything must be read once more
 * @returns {() => void}
 */
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tellAll(name, data) {
  for (const listener of listeners) listener(name, data);
}

let wasGreeted = false;

function hear(message) {
  if (message.kind === "event" && message.name === "hello") {
    if (wasGreeted && !message.data.resumed) tellAll("anew", null);
    wasGreeted = true;
    return;
  }
  if (message.kind === "event") {
    tellAll(message.name, message.data);
    return;
  }
  const wasAway = connection.value === "lost" || connection.value === "locked";
  connection.value = message.state;
  if (wasAway && message.state === "open") tellAll("again", null);
}

/** Begin to listen: by the worker that all tabs share, or alone where the browser has none. */
export function startEvents() {
  if (typeof SharedWorker === "undefined") {
    openStream(hear);
    return;
  }
  const worker = new SharedWorker("/static/lib/stream_worker.js", { type: "module", name: "triskelion-events" });
  worker.port.onmessage = (message) => hear(message.data);
  worker.port.start();
  // A page that is put aside and brought back by the back button must hear again: it simply stays in the worker's list.
  addEventListener("pagehide", (event) => {
    if (!event.persisted) worker.port.postMessage("leave");
  });
}
