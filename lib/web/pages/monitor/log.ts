// The log. Of a message with several lines, such as one with a traceback, the first is seen, the others unfold.
import { element } from "../shared/dom.js";

export interface LogLine {
  readonly time: number;
  readonly level: string;
  readonly text: string;
}

const MAX_LINES = 1000;

export class LogPane {
  readonly #pane: HTMLElement;

  constructor(pane: HTMLElement) {
    this.#pane = pane;
  }

  clear(): void {
    this.#pane.replaceChildren();
  }

  add(lines: readonly LogLine[]): void {
    const pane = this.#pane;
    const atEnd = pane.scrollTop + pane.clientHeight >= pane.scrollHeight - 8;
    pane.append(...lines.slice(-MAX_LINES).map(lineOf));
    while (pane.childElementCount > MAX_LINES) pane.firstElementChild?.remove();
    if (atEnd) pane.scrollTop = pane.scrollHeight;
  }
}

function lineOf({ time, level, text }: LogLine): HTMLElement {
  const [first = "", ...more] = text.trimEnd().split("\n");
  const head = `${new Date(time).toLocaleTimeString([], { hour12: false })} ${level.toUpperCase()} ${first}`;
  const shown = /^(?:error|warn|info)$/.test(level) ? level : "info";
  if (more.length === 0) return element("div", { class: `line ${shown}` }, head);
  return element(
    "details",
    { class: `line ${shown}` },
    element("summary", {}, head),
    element("pre", {}, more.join("\n")),
  );
}
