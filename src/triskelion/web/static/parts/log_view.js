/** The log of a job, as it is written. */
import { html } from "htm/preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { get, pathOf, queryOf } from "../lib/api.js";
import { listen } from "../lib/events.js";

const LONGEST_BYTES = 300_000; // of a long log only the end is shown
const PAUSE_MS = 250;
const LINE = /^(\d{4}-\d\d-\d\d )?(\d\d:\d\d:\d\d)?\s*(.*)$/;
const AT_END_PX = 30;

/** Read from byte to byte, so that nothing is shown twice and nothing left out. */
function useLog(project, job, bytes) {
  const [text, setText] = useState(null);
  useEffect(() => {
    const start = Math.max(0, (bytes ?? 0) - LONGEST_BYTES);
    let [next, timer, isReading, isWanted, isShown] = [start, null, false, true, true];
    const read = async () => {
      if (isReading) {
        isWanted = true;
        return;
      }
      [isReading, isWanted] = [true, false];
      const part = await get(`${pathOf("p", project, "j", job)}/log${queryOf({ from: next })}`).catch(() => null);
      isReading = false;
      if (!isShown) return;
      if (part) {
        next = part.next;
        if (part.text) setText((before) => (before ?? "") + part.text);
        else setText((before) => before ?? "");
      }
      if (isWanted) later();
    };
    const later = () => {
      clearTimeout(timer);
      timer = setTimeout(read, PAUSE_MS);
    };
    read();
    const stop = listen((name, data) => {
      if (name === "again" || name === "anew" || (data.p === project && (data.job ?? data.card?.name) === job)) later();
    });
    return () => {
      isShown = false;
      clearTimeout(timer);
      stop();
    };
  }, [project, job]);
  return text;
}

function Line({ text }) {
  const [, , clock = "", message] = text.match(LINE);
  const isBad = /^(error|Traceback)/.test(message);
  return html`<div class="log-line ${message.startsWith("warning:") ? "warning" : ""} ${isBad ? "error" : ""}"><time>${clock}</time><span>${message}
    </span></div>`;
}

/** A panel that stays at the end as long as one reads there. */
export function LogView({ project, job, bytes }) {
  const text = useLog(project, job, bytes);
  const box = useRef(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (isAtEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);
  const scroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < AT_END_PX;
  };
  const lines = (text ?? "").split("\n").filter(Boolean);
  return html`<section class="panel log-panel">
    <div class="panel-head"><h2>Log</h2><a class="small" href="/api${pathOf("p", project, "j", job)}/files/log.txt" download>Download</a></div>
    <div class="log" ref=${box} onScroll=${scroll} tabindex="0" role="log" aria-label="Log of ${job}">
      ${lines.map((line, number) => html`<${Line} key=${number} text=${line} />`)}
      ${text !== null && lines.length === 0 && html`<p class="muted">Nothing has been written yet.</p>`}</div></section>`;
}
