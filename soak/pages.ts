/** Pages that come and go: clients of a control page and of the monitor, over WebSocket and HTTP. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";

const FADERS = 8;
const PORT = 8080;
/** At a time. */
const PAGES = 6;
const TIMEOUT = 20_000; // ms
const PROTOCOL = "mmpy.v1";

interface Named {
  readonly id: number;
  readonly name: string;
}

type Message = Readonly<Record<string, unknown>> & { readonly type: string };

/** Writes the part of the configuration with the page. @param title changes with every reload */
export function writePage(folder: string, address: string, title: string): void {
  const lines = [
    `[web page]\nbind = ${address} ${PORT}\nmonitor = on\ncontrol = on\ntitle = ${title}`,
    `fader = f{1..${FADERS}}\nbutton = go\nmeter = m{1..${FADERS}}\nmeter = lamp`,
    `[map]\npage.f{1..${FADERS}} > dedup > bus.page{1..${FADERS}}\nbus.page{1..${FADERS}} > fade(100) > page.m{1..${FADERS}}`,
    "page.go > bus.go\nbus.go > page.lamp\n",
  ];
  writeFileSync(path.join(folder, "web.cfg"), lines.join("\n"));
}

function below(limit: number): number {
  return Math.floor(Math.random() * limit);
}

/** A client with the values that it knows. */
class Page {
  readonly ready: Promise<void>;
  readonly #socket: WebSocket;
  readonly #ids = new Map<string, number>();
  readonly #values = new Map<number, number>();
  #changed: (() => void)[] = [];
  #acks = 0;
  messages = 0;

  constructor(url: string) {
    const socket = new WebSocket(url, PROTOCOL);
    this.#socket = socket;
    socket.on("error", () => {}); // `close` follows
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      this.messages++;
      if (!isBinary) this.#take(JSON.parse(String(data)) as Message);
      for (const changed of this.#changed.splice(0)) changed();
    });
    socket.on("close", () => {
      for (const changed of this.#changed.splice(0)) changed();
    });
    this.ready = this.until(() => this.#ids.size > 0, "a page's greeting");
  }

  send(message: Message): void {
    this.#socket.send(JSON.stringify(message));
  }

  async set(name: string, value: number): Promise<void> {
    const acks = this.#acks;
    this.send({ type: "set", v: [this.#ids.get(name), value] });
    await this.until(() => this.#acks > acks, `the acknowledgement of ${name}`);
  }

  grab(name: string): void {
    this.send({ type: "grab", id: this.#ids.get(name) });
  }

  sees(name: string, value: number): Promise<void> {
    const isThere = () => Math.abs((this.#values.get(this.#ids.get(name) ?? -1) ?? -1) - value) < 1e-5;
    return this.until(isThere, `${value} of ${name}`);
  }

  async until(isThere: () => boolean, what: string): Promise<void> {
    const end = performance.now() + TIMEOUT;
    while (!isThere()) {
      if (this.#socket.readyState > WebSocket.OPEN) throw new Error(`a page was closed before ${what}`);
      if (performance.now() > end) throw new Error(`a page was not told ${what} within ${TIMEOUT} ms`);
      const change = new Promise<void>((resolve) => this.#changed.push(resolve));
      await Promise.race([change, sleep(1000, undefined, { ref: false })]);
    }
  }

  /** Ends it like a page that is closed, or one whose network is gone. */
  async end(politely: boolean): Promise<void> {
    const socket = this.#socket;
    if (socket.readyState === WebSocket.CLOSED) return;
    const closed = once(socket, "close");
    if (politely) socket.close();
    else socket.terminate();
    await closed;
  }

  #take({ type, channels, v }: Message): void {
    if (type === "ack") this.#acks++;
    if (type === "hello" || type === "layout") for (const { id, name } of channels as Named[]) this.#ids.set(name, id);
    if (type !== "values" && type !== "state") return;
    const all = v as number[];
    for (let i = 0; i < all.length; i += 2) this.#values.set(all[i] as number, all[i + 1] as number);
  }
}

export class Pages {
  opened = 0;
  requests = 0;
  messages = 0;
  /** Values that were set on one page, and seen on it as they came back from the router. */
  seen = 0;
  /** Buttons that were held by a page that was gone without a word. */
  released = 0;
  /** What went wrong. */
  wrong: unknown;
  readonly #address: string;
  readonly #running: Promise<void>[];
  #stopped = false;

  constructor(address: string) {
    this.#address = `${address}:${PORT}`;
    // The faders are shared out, so that each page sees its own values come back.
    this.#running = Array.from({ length: PAGES }, (_, i) => this.#guarded(() => this.#page(1 + i)));
    this.#running.push(
      this.#guarded(() => this.#monitor()),
      this.#guarded(() => this.#program()),
      this.#guarded(() => this.#button()),
    );
  }

  /** Resolves with the number of clients that the server still counts once all have gone. */
  async stop(): Promise<number> {
    this.#stopped = true;
    await Promise.all(this.#running);
    const end = performance.now() + TIMEOUT;
    for (;;) {
      const [, open] = /^mmpy_web_clients\{page="page"\} (\d+)$/m.exec(await this.#get("/metrics")) ?? [];
      if (open === "0" || performance.now() > end) return Number(open);
      await sleep(100);
    }
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      while (!this.#stopped && this.wrong === undefined) await work();
    } catch (error) {
      this.wrong ??= error;
    }
  }

  async #open(at: string): Promise<Page> {
    const page = new Page(`ws://${this.#address}${at}`);
    this.opened++;
    await page.ready;
    return page;
  }

  async #page(number: number): Promise<void> {
    const page = await this.#open("/ws");
    for (let left = below(40); left >= 0 && !this.#stopped; --left) {
      const value = below(1001) / 1000;
      await page.set(`f${number}`, value);
      await page.sees(`m${number}`, value);
      this.seen++;
    }
    this.messages += page.messages;
    await page.end(Math.random() < 0.5);
  }

  async #monitor(): Promise<void> {
    const page = await this.#open("/monitor/ws");
    page.send({ type: "subscribe", names: "*", binary: Math.random() < 0.5 });
    page.send({ type: "follow", topics: ["log", "stats", "graph", "learn"] });
    page.send({ type: "watch", names: ["clock.tick1"] });
    const enough = below(200);
    await page.until(() => page.messages > enough || this.#stopped, "what moves");
    this.messages += page.messages;
    await page.end(Math.random() < 0.5);
  }

  async #button(): Promise<void> {
    const [holder, other] = [await this.#open("/ws"), await this.#open("/ws")];
    holder.grab("go");
    await other.sees("lamp", 1);
    await holder.end(false);
    await other.sees("lamp", 0);
    this.released++;
    this.messages += holder.messages + other.messages;
    await other.end(true);
    await sleep(below(1000));
  }

  async #program(): Promise<void> {
    await this.#get("/metrics");
    await this.#get("/");
    await this.#get("/api/channels");
    const sent = await fetch(`http://${this.#address}/api/channels/f7`, {
      method: "PUT",
      body: String(below(11) / 10),
    });
    if (sent.status !== 204) throw new Error(`a value was answered with ${sent.status}: ${await sent.text()}`);
    this.requests++;
    await sleep(below(500));
  }

  async #get(at: string): Promise<string> {
    const answer = await fetch(`http://${this.#address}${at}`);
    this.requests++;
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${at} was answered with ${answer.status}: ${text}`);
    return text;
  }
}
