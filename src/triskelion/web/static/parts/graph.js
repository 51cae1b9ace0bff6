/** The same jobs as a graph: what was made from what. The layout is dagre's, the drawing ours. */
import { Graph, layout } from "@dagrejs/dagre";
import { html } from "htm/preact";
import { useMemo } from "preact/hooks";
import { places } from "../lib/router.js";
import { headlineFigures } from "./card.js";

const NODE = { width: 168, height: 46 };
const MARGIN = 16;

function arrange(cards) {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: 14, ranksep: 54, marginx: MARGIN, marginy: MARGIN });
  graph.setDefaultEdgeLabel(() => ({}));
  const known = new Set(cards.map((card) => card.name));
  for (const card of [...cards].reverse()) graph.setNode(card.name, { ...NODE });
  for (const card of cards) {
    for (const input of card.inputs) {
      if (known.has(input.job)) graph.setEdge(input.job, card.name, { slot: input.slot }, input.slot);
    }
  }
  layout(graph);
  return graph;
}

function drawEdge(points) {
  const [first, ...rest] = points;
  const last = rest[rest.length - 1];
  const middle = (first.x + last.x) / 2;
  if (rest.length <= 2) return `M${first.x},${first.y}C${middle},${first.y} ${middle},${last.y} ${last.x},${last.y}`;
  // through the middle of each step, with its corner as the control point: a smooth line that stays near the corners
  let path = `M${first.x},${first.y}`;
  for (let i = 0; i + 1 < rest.length; i += 1) {
    const [corner, next] = [rest[i], rest[i + 1]];
    const end = i + 2 === rest.length ? next : { x: (corner.x + next.x) / 2, y: (corner.y + next.y) / 2 };
    path += `Q${corner.x},${corner.y} ${end.x},${end.y}`;
  }
  return path;
}

const clipText = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function Node({ project, card, place, isPicked }) {
  const figures = headlineFigures(card, 1).map(([, value]) => value);
  return html`<a href=${places.job(project, card.name)} aria-label="${card.name}, ${card.type}, ${card.state}">
    <g class="node ${card.state} ${isPicked ? "picked" : ""}" transform="translate(${place.x - NODE.width / 2} ${place.y - NODE.height / 2})">
      <title>${card.type_title}${card.message ? `\n${card.message}` : ""}</title>
      <rect class="box" width=${NODE.width} height=${NODE.height} rx="7" /><rect class="edge" width="4" height=${NODE.height} rx="2" />
      <text class="name" x="14" y="19">${card.name}</text><text class="figure" x=${NODE.width - 10} y="19" text-anchor="end">${figures[0] ?? card.state}</text>
      <text class="type" x="14" y="36">${clipText(card.type.replaceAll("_", " "), 25)}</text>
    </g></a>`;
}

/**
 * The graph; nodes are links, so that it works by keyboard.
 * @param {{project: string, cards: object[], picked: string[]}} props
 */
export function JobGraph({ project, cards, picked }) {
  const shape = cards.map((card) => card.name + card.inputs.map((input) => input.job).join()).join(";");
  const graph = useMemo(() => arrange(cards), [shape]); // states change often, the layout only with jobs and inputs
  const { width, height } = graph.graph();
  return html`<div class="panel graph-panel"><svg class="graph" width=${width} height=${height} viewBox="0 0 ${width} ${height}" role="group" aria-label="Graph of the jobs">
    ${graph.edges().map((edge) => {
      const { points, slot } = graph.edge(edge);
      return html`<path key=${edge.v + edge.w + edge.name} class="wire ${slot}" d=${drawEdge(points)}><title>${edge.v} → ${edge.w}: ${slot}</title></path>`;
    })}
    ${cards.map((card) => html`<${Node} key=${card.name} project=${project} card=${card} place=${graph.node(card.name)} isPicked=${picked.includes(card.name)} />`)}
  </svg></div>`;
}
