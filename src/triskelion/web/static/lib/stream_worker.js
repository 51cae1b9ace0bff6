/**
 * One stream for all tabs: a browser opens six connections to a server at most, so twenty tabs with a stream each would stand still.
 *
 * A worker that all tabs share holds the stream and passes on what comes. It lives as long as any tab does.
 */
import { openStream } from "./stream.js";

const ports = new Set();
let state = "opening";

openStream((message) => {
  if (message.kind === "state") state = message.state;
  for (const port of ports) port.postMessage(message);
});

self.onconnect = (event) => {
  const port = event.ports[0];
  ports.add(port);
  port.onmessage = (message) => {
    if (message.data === "leave") ports.delete(port);
  };
  port.postMessage({ kind: "state", state });
};
