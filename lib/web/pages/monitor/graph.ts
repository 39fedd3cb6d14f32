// Instances and what is mapped between them: in columns by the longest way from a source.

export interface GraphInstance {
  readonly name: string;
  readonly backend: string;
  readonly status?: { readonly state: string; readonly text: string };
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly lines: readonly string[];
}

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, GAP_X, GAP_Y] = [150, 44, 90, 22];

export function drawGraph(place: HTMLElement, instances: readonly GraphInstance[], edges: readonly GraphEdge[]): void {
  const columns = columnsOf(
    instances.map(({ name }) => name),
    edges,
  );
  const places = new Map<string, { readonly x: number; readonly y: number }>();
  const heights: number[] = [];
  for (const { name } of instances) {
    const column = columns.get(name) ?? 0;
    const row = heights[column] ?? 0;
    heights[column] = row + 1;
    places.set(name, { x: 4 + column * (WIDTH + GAP_X), y: 4 + row * (HEIGHT + GAP_Y) });
  }
  const width = 8 + heights.length * (WIDTH + GAP_X) - GAP_X + 40;
  const height = 8 + Math.max(1, ...heights.filter((count) => count > 0)) * (HEIGHT + GAP_Y);
  const svg = node("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
  svg.append(text("title", `${instances.length} instances and the mappings between them`));
  for (const edge of edges) {
    const [from, to] = [places.get(edge.from), places.get(edge.to)];
    if (from !== undefined && to !== undefined) svg.append(edgeOf(edge, from, to));
  }
  for (const instance of instances) {
    const at = places.get(instance.name);
    if (at !== undefined) svg.append(instanceOf(instance, at));
  }
  place.replaceChildren(svg);
}

/** The longest way to each, without going in circles. */
function columnsOf(names: readonly string[], edges: readonly GraphEdge[]): Map<string, number> {
  const sources = new Map<string, string[]>();
  for (const { from, to } of edges) sources.set(to, [...(sources.get(to) ?? []), from]);
  const columns = new Map<string, number>();
  const visiting = new Set<string>();
  const column = (name: string): number => {
    const known = columns.get(name);
    if (known !== undefined) return known;
    visiting.add(name);
    let most = 0;
    for (const source of sources.get(name) ?? []) {
      if (!visiting.has(source)) most = Math.max(most, column(source) + 1);
    }
    visiting.delete(name);
    columns.set(name, most);
    return most;
  };
  for (const name of names) column(name);
  return columns;
}

type Place = { readonly x: number; readonly y: number };

function instanceOf({ name, backend, status }: GraphInstance, { x, y }: Place): SVGElement {
  const group = node("g", { class: `node ${status?.state ?? ""}`, transform: `translate(${x} ${y})` });
  const about = status === undefined ? backend : `${backend}: ${status.text}`;
  group.append(text("title", `${name} (${about})`), node("rect", { width: WIDTH, height: HEIGHT, rx: 6 }));
  group.append(text("text", short(name, 20), { x: 8, y: 18 }));
  group.append(text("text", short(about, 24), { x: 8, y: 35, class: "label" }));
  return group;
}

function edgeOf({ from, to, count, lines }: GraphEdge, a: Place, b: Place): SVGElement {
  const group = node("g");
  const [x1, y1, x2, y2] = [a.x + WIDTH, a.y + HEIGHT / 2, b.x, b.y + HEIGHT / 2];
  // Backwards and to itself: out on the right, and back in there.
  const back = x2 <= x1;
  const path = back
    ? `M${x1} ${y1}c40 ${(b.y - a.y) / 2 + 12} 40 ${b.y - a.y} 0 ${b.y - a.y + 8}`
    : `M${x1} ${y1}C${x1 + GAP_X / 2} ${y1} ${x2 - GAP_X / 2} ${y2} ${x2} ${y2}`;
  const all = lines.length < count ? [...lines, "…"] : lines;
  group.append(text("title", `${from} to ${to}, ${count} channels:\n${all.join("\n")}`));
  group.append(node("path", { d: path, "stroke-width": Math.min(6, 1 + Math.log10(Math.max(1, count)) * 1.5) }));
  const at = back ? { x: x1 + 32, y: (y1 + b.y + HEIGHT / 2) / 2 } : { x: (x1 + x2) / 2, y: (y1 + y2) / 2 - 4 };
  group.append(text("text", String(count), { ...at, class: "label" }));
  return group;
}

function node(name: string, attributes: Readonly<Record<string, string | number>> = {}): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, String(value));
  return made;
}

function text(name: string, content: string, attributes: Readonly<Record<string, string | number>> = {}): SVGElement {
  const made = node(name, attributes);
  made.textContent = content;
  return made;
}

function short(long: string, most: number): string {
  const characters = [...long];
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : long;
}
