/**
 * The stream of events: connected, lost, found again, with nothing lost and nothing twice.
 *
 * The browser connects again by itself and names the last event it saw. Where the server refuses (it was restarted, and knows no cookie), the
 * browser gives up: then the server is asked from time to time until it answers, and the stream goes on from the last event that came.
 */

const AGAIN_MS = 2000;

/**
 * Open the stream.
 * @param {(message: {kind: "state", state: "open"|"lost"|"locked"}|{kind: "event", name: string, data: any}) => void} tell
 */
export function openStream(tell) {
  let last = null;
  let source = null;

  const hear = (name) => (event) => {
    last = event.lastEventId || last;
    tell({ kind: "event", name, data: JSON.parse(event.data) });
  };

  function connect() {
    source = new EventSource(last ? `/api/events?last=${encodeURIComponent(last)}` : "/api/events");
    source.onopen = () => tell({ kind: "state", state: "open" });
    source.onerror = () => {
      tell({ kind: "state", state: "lost" });
      if (source.readyState === EventSource.CLOSED) setTimeout(ask, AGAIN_MS);
    };
    for (const name of ["hello", "card", "job", "gone"]) source.addEventListener(name, hear(name));
  }

  async function ask() {
    const answer = await fetch("/api/session").catch(() => null);
    if (answer?.ok) {
      connect();
      return;
    }
    if (answer?.status === 401 || answer?.status === 403) tell({ kind: "state", state: "locked" });
    setTimeout(ask, AGAIN_MS);
  }

  connect();
}
