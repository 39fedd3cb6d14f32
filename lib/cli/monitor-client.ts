// `mmpy monitor`: a router's values on a terminal, or line by line in a pipe.
import { visible } from "../visible.js";
import { inOneLine, ShownChannels, valueText } from "./monitor/channels.js";
import { Connection, DEFAULT_URL, type MonitorUrl, parseUrl } from "./monitor/connection.js";
import { Screen } from "./monitor/screen.js";
import { MonitorView } from "./monitor/view.js";
import type { CommandLine } from "./options.js";

/** Between two pictures, in ms. */
const PERIOD = 100;

/** Runs until `q`, a signal, or the end of the pipe. @throws {MidimonsterError} if there is no monitor */
export async function monitorClient({ operand = DEFAULT_URL }: CommandLine): Promise<number> {
  const url = parseUrl(operand);
  if (process.stdout.isTTY && process.stdin.isTTY) await onTerminal(url);
  else await inPipe(url);
  return 0;
}

async function inPipe(url: MonitorUrl): Promise<void> {
  const channels = new ShownChannels();
  const connection = new Connection(url, {
    opened: () => {},
    message({ type, channels: list, v }) {
      if (type === "hello" || type === "layout") channels.take(list);
      if (type !== "values" && type !== "state") return;
      const time = new Date().toISOString();
      const lines = channels.set(v, 0).map(({ shown, value }) => `${time} ${shown} ${valueText(value)}\n`);
      if (lines.length > 0) process.stdout.write(lines.join(""));
    },
    lost: (why) => process.stderr.write(`mmpy monitor: ${visible(why)}; connecting again\n`),
  });
  process.stdout.on("error", () => connection.end()); // its reader is gone
  endBySignal(() => connection.end());
  await connection.run();
}

async function onTerminal(url: MonitorUrl): Promise<void> {
  const { stdin, stdout } = process;
  const screen = new Screen(stdout);
  const view = new MonitorView();
  const connection = new Connection(url, {
    opened(send) {
      view.state = url.shown;
      send({ type: "subscribe", names: "*", rate: 10 });
      send({ type: "follow", topics: topics(view) });
      if (timer === undefined) begin();
    },
    message: (message) => take(view, message),
    lost(why, delay) {
      view.state = `${url.shown}: ${inOneLine(why)}; connecting again in ${(delay / 1000).toFixed(1)} s`;
    },
  });
  let timer: NodeJS.Timeout | undefined;
  const draw = () => {
    if (!screen.isBusy) screen.draw(view.lines(screen.columns, screen.rows, performance.now()));
  };
  const keys = (data: Buffer) => {
    for (const key of split(data.toString("utf8"))) {
      const asked = view.key(key, screen.rows);
      if (asked === "quit") {
        connection.end();
        return;
      }
      if (asked === "learn") connection.send({ type: "follow", topics: topics(view) });
    }
    draw();
  };
  const again = () => {
    screen.clear();
    draw();
  };
  // Not before it is connected: an error is better read on the ordinary screen.
  function begin(): void {
    screen.open();
    stdin.setRawMode(true);
    stdin.on("data", keys);
    stdout.on("resize", again);
    process.on("SIGCONT", again);
    timer = setInterval(draw, PERIOD);
  }
  stdout.on("error", () => connection.end());
  endBySignal(() => connection.end());
  try {
    await connection.run();
  } finally {
    clearInterval(timer);
    stdin.off("data", keys);
    if (timer !== undefined) stdin.setRawMode(false);
    stdin.pause();
    stdout.off("resize", again);
    process.off("SIGCONT", again);
    screen.close();
  }
}

function topics({ isLearning }: MonitorView): string[] {
  return isLearning ? ["log", "learn"] : ["log"];
}

function take(view: MonitorView, { type, channels, v, lines, name, line }: Readonly<Record<string, unknown>>): void {
  if (type === "hello" || type === "layout") view.channels.take(channels);
  // What was there before has not moved just now.
  else if (type === "state") view.channels.set(v, Number.NEGATIVE_INFINITY);
  else if (type === "values") view.channels.set(v, performance.now());
  else if (type === "learned") view.learned = { name: String(name), line: String(line) };
  else if (type === "log" && Array.isArray(lines)) {
    const last = (lines as { readonly level: string; readonly text: string }[]).findLast(
      ({ level }) => level !== "info",
    );
    if (last !== undefined) view.problem = inOneLine(last.text.split("\n", 1)[0] ?? "");
  }
}

/** Keys of a chunk: escape sequences in one piece, characters one by one. */
function split(text: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: keys are such
  return text.match(/\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|./gsu) ?? [];
}

function endBySignal(end: () => void): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, end);
}
