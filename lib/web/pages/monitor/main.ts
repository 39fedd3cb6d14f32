// The monitor's page: what it shows and asks for. Its parts each own a piece of the page.
import { byId } from "../shared/dom.js";
import { keepToken, Link, type ServerMessage, takeToken } from "../shared/link.js";
import { drawGraph, type GraphEdge, type GraphInstance } from "./graph.js";
import { type LogLine, LogPane } from "./log.js";
import { type Stats, StatsTable } from "./stats.js";
import { ChannelTable } from "./table.js";
import { Timeline } from "./timeline.js";

const HEADER = 8; // bytes of a binary message

const timeline = new Timeline(byId("timeline") as HTMLCanvasElement);
const log = new LogPane(byId("log"));
const stats = new StatsTable(byId("stats"));
const table = new ChannelTable(byId("list"), byId("rows"), select, (shown, all) => {
  byId("count").textContent = shown === all ? `${all} channels` : `${shown} of ${all}`;
});
const learnButton = byId("learn");
const slider = byId("set") as HTMLInputElement;
let selected: number | undefined;
let canControl = false;
let isLearning = false;
let isSetting = false;

// For tests and the curious: frames drawn so far.
Object.defineProperty(window, "framesDrawn", { get: () => table.frames });

// What scrolls has to be reached by keyboards.
for (const id of ["stats-scroll", "graph", "log"]) byId(id).tabIndex = 0;

takeToken();
const link = new Link("ws", {
  message,
  state(state, reason) {
    const banner = byId("banner");
    banner.hidden = state === "open";
    byId("token-entry").hidden = state !== "denied";
    byId("connect").hidden = state !== "denied" && state !== "ended";
    byId("banner-text").textContent = {
      connecting: "Connecting",
      open: "",
      lost: `No connection${reason === "" ? "" : `: ${reason}`}. What is shown is old; connecting again.`,
      denied: `A token is needed${reason === "" ? "" : `: ${reason}`}`,
      ended: reason,
    }[state];
    if (state !== "open") slider.disabled = true;
  },
});
link.open();

function message(received: ServerMessage): void {
  switch (received.type) {
    case "hello":
      canControl = received.role === "control";
      slider.disabled = false;
      log.clear();
      stats.clear();
      byId("summary").textContent = String(received.server);
      channels(received.channels);
      link.send({ type: "subscribe", names: "*", binary: true });
      follow();
      break;
    case "layout":
      channels(received.channels);
      stats.clear();
      break;
    case "state":
      values(received.v, Number.NEGATIVE_INFINITY);
      break;
    case "values":
      values(received.v, performance.now());
      break;
    case "binary":
      binary(received.data as ArrayBuffer);
      break;
    case "samples":
      if (received.id === selected) timeline.add(received.v as number[]);
      break;
    case "log":
      log.add(received.lines as LogLine[]);
      break;
    case "stats":
      stats.show(received as unknown as Stats);
      break;
    case "graph":
      drawGraph(byId("graph"), received.instances as GraphInstance[], received.edges as GraphEdge[]);
      break;
    case "learned":
      learned(String(received.name), String(received.line));
      break;
    case "error":
      byId("set-value").textContent = String(received.message);
      break;
  }
}

function channels(list: unknown): void {
  const names: string[] = [];
  for (const { id, name } of list as { readonly id: number; readonly name: string }[]) names[id] = name;
  table.take(names);
}

function values(v: unknown, now: number): void {
  const pairs = v as readonly number[];
  table.set(
    pairs.filter((_, i) => i % 2 === 0),
    pairs.filter((_, i) => i % 2 === 1),
    now,
  );
  showValue();
}

/** `u8 1, u8 version, u16 0, u32 count, u32[count] ids, f32[count] values`: views of it, nothing is copied. */
function binary(data: ArrayBuffer): void {
  const head = new DataView(data);
  if (head.getUint8(0) !== 1 || head.getUint8(1) !== 1) return;
  const count = head.getUint32(4, true);
  table.set(new Uint32Array(data, HEADER, count), new Float32Array(data, HEADER + 4 * count, count), performance.now());
  showValue();
}

function follow(): void {
  link.send({ type: "follow", topics: ["log", "stats", "graph", ...(isLearning ? ["learn"] : [])] });
}

/** A channel is looked at more closely, or none is. */
function select(id: number | undefined): void {
  selected = id;
  byId("detail").hidden = id === undefined;
  const name = id === undefined ? undefined : table.names[id];
  byId("detail-title").textContent = name ?? "";
  byId("set-row").hidden = !canControl;
  byId("set-value").textContent = "";
  link.send({ type: "watch", names: name === undefined ? [] : [name] });
  timeline.show(id === undefined ? undefined : table.value(id), id !== undefined);
  showValue();
}

function showValue(): void {
  const value = selected === undefined ? undefined : table.value(selected);
  if (!canControl || isSetting || value === undefined) return;
  slider.value = String(value);
}

slider.addEventListener("input", () => {
  const name = selected === undefined ? undefined : table.names[selected];
  if (name === undefined) return;
  isSetting = true;
  byId("set-value").textContent = slider.value;
  link.send({ type: "set", seq: Date.now(), name, value: Number(slider.value) });
});
slider.addEventListener("change", () => {
  isSetting = false;
});

learnButton.addEventListener("click", () => {
  isLearning = !isLearning;
  learnButton.setAttribute("aria-pressed", String(isLearning));
  byId("learned").hidden = !isLearning;
  byId("learned-text").textContent = "Move something, or press it.";
  byId("learned-copy").hidden = true;
  follow();
});

function learned(name: string, line: string): void {
  if (!isLearning) return;
  byId("learned-text").textContent = name;
  (byId("learned-line") as HTMLInputElement).value = line;
  byId("learned-copy").hidden = false;
  const id = table.names.indexOf(name);
  if (id >= 0) table.select(id);
}

byId("copy").addEventListener("click", () => {
  const field = byId("learned-line") as HTMLInputElement;
  field.select();
  // Only pages of this machine or by https may use the clipboard; elsewhere the text is selected at least.
  void navigator.clipboard?.writeText(field.value);
});

byId("filter").addEventListener("input", ({ target }) => table.filter((target as HTMLInputElement).value));
byId("moving").addEventListener("change", ({ target }) => table.onlyMoving((target as HTMLInputElement).checked));
byId("problems").addEventListener("change", ({ target }) =>
  byId("log").classList.toggle("problems", (target as HTMLInputElement).checked),
);
byId("connect").addEventListener("click", () => {
  const field = byId("token") as HTMLInputElement;
  if (field.value !== "") keepToken(field.value.trim());
  field.value = "";
  link.open();
});
