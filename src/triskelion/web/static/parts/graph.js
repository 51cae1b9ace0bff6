/** The same jobs as a graph: what was made from what. The layout is dagre's, the drawing ours. */
import { Graph, layout } from "@dagrejs/dagre";
import { html } from "htm/preact";
import { useMemo } from "preact/hooks";
import { formatFigure, nameType } from "../lib/format.js";
import { places } from "../lib/router.js";
import { inputJobs } from "./card.js";

const NODE = { width: 158, height: 46 };
const MARGIN = 16;
const SMALLEST = 0.66; // a wide graph is made smaller to be seen at once, but not beyond what can be read

function arrange(cards) {
  const graph = new Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 16, ranksep: 56, marginx: MARGIN, marginy: MARGIN });
  graph.setDefaultEdgeLabel(() => ({}));
  const known = new Set(cards.map((card) => card.name));
  for (const card of [...cards].reverse()) graph.setNode(card.name, { ...NODE });
  for (const card of cards) {
    for (const job of inputJobs(card).filter((each) => known.has(each))) {
      const slots = card.inputs.filter((input) => input.job === job).map((input) => input.slot);
      graph.setEdge(job, card.name, { slots });
    }
  }
  layout(graph);
  return graph;
}

/** From the lower edge of one node to the upper edge of another, smoothly through the points between. */
function drawEdge(graph, edge) {
  const [from, to] = [graph.node(edge.v), graph.node(edge.w)];
  const start = { x: from.x, y: from.y + NODE.height / 2 };
  const end = { x: to.x, y: to.y - NODE.height / 2 };
  const stops = [start, ...graph.edge(edge).points.slice(1, -1), end];
  let path = `M${start.x},${start.y}`;
  for (let i = 1; i < stops.length; i += 1) {
    const [a, b] = [stops[i - 1], stops[i]];
    const middle = (a.y + b.y) / 2; // leaves and arrives upright
    path += `C${a.x},${middle} ${b.x},${middle} ${b.x},${b.y}`;
  }
  return path;
}

const clipText = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function Node({ project, card, place, isPicked }) {
  const resolution = card.summary?.resolution_A;
  const figure = resolution ? formatFigure("resolution_A", resolution) : card.state === "completed" ? "" : card.state;
  return html`<a href=${places.job(project, card.name)} aria-label="${card.name}, ${card.type}, ${card.state}">
    <g class="node ${card.state} ${isPicked ? "picked" : ""}" transform="translate(${place.x - NODE.width / 2} ${place.y - NODE.height / 2})">
      <title>${card.type_title}${card.message ? `\n${card.message}` : ""}</title>
      <rect class="box" width=${NODE.width} height=${NODE.height} rx="7" /><rect class="edge" width="4" height=${NODE.height} rx="2" />
      <text class="name" x="14" y="19">${card.name}</text><text class="figure" x=${NODE.width - 10} y="19" text-anchor="end">${figure}</text>
      <text class="type" x="14" y="36">${clipText(nameType(card.type), 23)}</text>
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
  return html`<div class="panel graph-panel"><svg class="graph" style="width:min(100%, ${width}px);min-width:${Math.round(SMALLEST * width)}px"
    viewBox="0 0 ${width} ${height}" role="group" aria-label="Graph of the jobs">
    ${graph.edges().map((edge) => {
      const { slots } = graph.edge(edge);
      const words = `${edge.v} → ${edge.w}: ${slots.join(", ")}`;
      return html`<path key=${edge.v + edge.w} class="wire ${slots[0]}" d=${drawEdge(graph, edge)}><title>${words}</title></path>`;
    })}
    ${cards.map((card) => html`<${Node} key=${card.name} project=${project} card=${card} place=${graph.node(card.name)}
      isPicked=${picked.includes(card.name)} />`)}
  </svg></div>`;
}
