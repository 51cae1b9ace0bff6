/** Something that is read from the server before it can be shown: waiting, there, or refused with what to do. */
import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";

const PATIENCE_MS = 400; // what comes sooner needs no word about waiting

/**
 * Read once per key.
 * @template T
 * @param {() => Promise<T>} read
 * @param {any[]} keys read again when one of these changes
 * @returns {{value: T|null, error: Error|null, again: () => void, set: (value: T) => void}}
 */
export function useLoad(read, keys) {
  const [state, setState] = useState({ value: null, error: null });
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isWanted = true;
    read().then(
      (value) => isWanted && setState({ value, error: null }),
      (error) => isWanted && setState((before) => ({ value: error.status === 0 ? before.value : null, error })),
    );
    return () => {
      isWanted = false;
    };
  }, [...keys, round]);
  return { ...state, again: () => setRound((each) => each + 1), set: (value) => setState({ value, error: null }) };
}

/** Says that something is awaited, but only when it takes long enough to ask oneself. */
export function Waiting({ children }) {
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  return html`<p class="waiting" role="status">${isLong ? children : ""}</p>`;
}

/**
 * A whole screen that says what went wrong and what can be done.
 * @param {{title: string, error?: Error, children?: any}} props
 */
export function Problem({ title, error, children }) {
  return html`<div class="problem" role="alert"><h1>${title}</h1>${error && html`<p>${error.message}</p>`}<div class="row">${children}</div></div>`;
}
