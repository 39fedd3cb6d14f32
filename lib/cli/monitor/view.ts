// What `mmpy monitor` shows on a terminal, and its keys.
import { inOneLine, type ShownChannel, ShownChannels, valueText } from "./channels.js";
import type { Span } from "./screen.js";

/** How long what has just moved is marked, in ms. */
const JUST_NOW = 1000;
const BAR = 20;
const KEYS = "/ filter  l learn  p pause  arrows scroll  q quit";

export class MonitorView {
  readonly channels = new ShownChannels();
  state = "connecting";
  /** The last problem of the log. */
  problem: string | undefined;
  learned: { readonly name: string; readonly line: string } | undefined;
  isLearning = false;
  isPaused = false;
  filter = "";
  isTyping = false;
  #top = 0;
  #frozen: readonly { readonly channel: ShownChannel; readonly value: number | undefined }[] | undefined;

  /** The lines of the screen. */
  lines(columns: number, rows: number, now: number): Span[][] {
    const shown = this.#shown();
    const room = Math.max(1, rows - 3);
    this.#top = Math.max(0, Math.min(this.#top, shown.length - room));
    const width = Math.max(8, Math.min(60, columns - BAR - 12));
    const list = shown.slice(this.#top, this.#top + room).map(({ channel, value }) => row(channel, value, width, now));
    const total = this.channels.all.length;
    const count = shown.length === total ? `${total} channels` : `${shown.length} of ${total} channels`;
    const paused: Span[] = this.isPaused ? [{ text: "  paused", style: "yellow" }] : [];
    const head: Span[] = [{ text: this.state, style: "bold" }, { text: `  ${count}` }, ...paused];
    while (list.length < room) list.push([]);
    return [head, ...list, [this.#note()], [this.#footer()]];
  }

  /** @returns what the key asks for, if that is more than another picture */
  key(key: string, rows: number): "quit" | "learn" | undefined {
    if (key === "\x03") return "quit";
    if (this.isTyping) {
      this.#type(key);
      return undefined;
    }
    const page = Math.max(1, rows - 3);
    if (key === "q" || key === "\x04") return "quit";
    if (key === "/") this.isTyping = true;
    else if (key === "p") this.#pause();
    else if (key === "l") {
      this.isLearning = !this.isLearning;
      this.learned = undefined;
      return "learn";
    } else if (key === "\x1b[A") this.#top -= 1;
    else if (key === "\x1b[B") this.#top += 1;
    else if (key === "\x1b[5~") this.#top -= page;
    else if (key === "\x1b[6~") this.#top += page;
    else if (key === "\x1b[H") this.#top = 0;
    else if (key === "\x1b[F") this.#top = this.channels.all.length;
    return undefined;
  }

  #type(key: string): void {
    if (key === "\r" || key === "\n") this.isTyping = false;
    else if (key === "\x1b") {
      this.isTyping = false;
      this.filter = "";
    } else if (key === "\x7f" || key === "\b") this.filter = [...this.filter].slice(0, -1).join("");
    else if (!/\p{Cc}/u.test(key)) this.filter += key;
  }

  #pause(): void {
    this.isPaused = !this.isPaused;
    this.#frozen = undefined;
    if (this.isPaused) this.#frozen = this.channels.all.map((channel) => ({ channel, value: channel.value }));
  }

  #shown() {
    const all = this.#frozen ?? this.channels.all.map((channel) => ({ channel, value: channel.value }));
    const wanted = this.filter.toLowerCase();
    return wanted === "" ? all : all.filter(({ channel }) => channel.shown.toLowerCase().includes(wanted));
  }

  #note(): Span {
    if (this.isLearning) {
      if (this.learned === undefined) return { text: "learn: move something", style: "yellow" };
      return { text: `learn: ${inOneLine(this.learned.name)}   ${inOneLine(this.learned.line)}`, style: "yellow" };
    }
    return this.problem === undefined ? { text: "" } : { text: this.problem, style: "red" };
  }

  #footer(): Span {
    if (this.isTyping) return { text: `/${this.filter}_   Enter: keep, Esc: all`, style: "inverse" };
    return { text: this.filter === "" ? KEYS : `filter: ${this.filter}   ${KEYS}`, style: "dim" };
  }
}

function row(channel: ShownChannel, value: number | undefined, width: number, now: number): Span[] {
  const name = [...channel.shown];
  const text = name.length > width ? `${name.slice(0, width - 1).join("")}…` : channel.shown.padEnd(width);
  const filled = value === undefined ? 0 : Math.round(value * BAR);
  return [
    now - channel.changed < JUST_NOW ? { text, style: "bold" } : { text },
    { text: ` ${valueText(value).padEnd(8)} ` },
    { text: "█".repeat(filled) },
    { text: "·".repeat(BAR - filled), style: "dim" },
  ];
}
