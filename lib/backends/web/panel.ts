// A page's state: its channels, their widgets, what its clients do with them. It knows neither HTTP nor the router.
import type { Client } from "../../web/client.js";
import type { Channel } from "../instance.js";
import { Feeds } from "./feed.js";
import { MAX_WIDGETS, type Page, type Widget } from "./layout.js";
import { PageValues, ROUTER } from "./values.js";
import type { Kind } from "./wire.js";

/** A channel as clients get it. */
export interface ChannelInfo {
  readonly id: number;
  readonly name: string;
  /** That of its first widget. */
  readonly kind: Kind;
  /** Whether clients can set it. */
  readonly settable: boolean;
}

/** A widget on the wire: channels by their numbers. */
interface WireWidget extends Omit<Widget, "channels"> {
  readonly ids: readonly number[];
}

/** What a page shows, as clients get it. */
export interface Layout {
  readonly title: string;
  readonly pages: readonly {
    readonly title?: string;
    readonly groups: readonly { readonly title?: string; readonly widgets: readonly WireWidget[] }[];
  }[];
  readonly channels: readonly ChannelInfo[];
}

const SHOWS: readonly Kind[] = ["meter", "text"];

/** How long a press by a program lasts, in ms. */
const PRESS = 100;
const INTERVAL = 500; // ms

export class Panel {
  readonly values = new PageValues();
  readonly feeds = new Feeds(this.values);
  readonly clients = new Set<Client>();
  /** The time without a message after which what a client holds is released, in ms. */
  release = 5000;
  readonly #emit: (name: string, value: number) => void;
  readonly #presses = new Map<NodeJS.Timeout, number>();
  readonly #mapped = new Map<string, Set<Channel["use"]>>();
  #title = "";
  #pages: readonly Page[] = [];
  #layout: Layout = { title: "", pages: [], channels: [] };
  #infos = new Map<number, ChannelInfo>();
  /** By id: the value of a channel once it is released. Absent: it keeps the one it has. */
  #rests = new Map<number, number>();
  #timer: NodeJS.Timeout | undefined;
  #stale = false;
  /** Presses by programs, as holders: negative, which no client is. */
  #pressers = 0;

  /** @param emit outputs a value on a channel, by name */
  constructor(emit: (name: string, value: number) => void) {
    this.#emit = emit;
  }

  get layout(): Layout {
    return this.#layout;
  }

  info(id: unknown): ChannelInfo | undefined {
    return typeof id === "number" ? this.#infos.get(id) : undefined;
  }

  /** The channel of a name, if the page has it. */
  named(name: string): ChannelInfo | undefined {
    const id = this.values.find(name);
    return id === undefined ? undefined : this.#infos.get(id);
  }

  /** What the configuration says from now on; clients learn it before anything else. */
  configure(title: string, pages: readonly Page[]): void {
    this.#title = title;
    this.#pages = pages;
    this.#outdate();
  }

  connect({ name, use }: Channel): void {
    const uses = this.#mapped.get(name);
    if (uses === undefined) this.#mapped.set(name, new Set([use]));
    else uses.add(use);
    this.#outdate();
  }

  disconnect({ name, use }: Channel): void {
    const uses = this.#mapped.get(name);
    uses?.delete(use);
    if (uses?.size === 0) this.#mapped.delete(name);
    this.#outdate();
  }

  /** An event from the router. */
  hear(id: number, value: number): void {
    this.values.set(id, value, ROUTER);
    this.feeds.changed(id);
  }

  /** A client, or a program, sets a channel. */
  set(id: number, value: number, by: number): void {
    this.values.set(id, value, by);
    this.feeds.changed(id);
    this.#emit(this.values.nameOf(id), value);
  }

  grab(id: number, holder: number): void {
    const isFirst = this.values.holders(id) === 0;
    if (!this.values.hold(id, holder)) return;
    this.#watch();
    if (isFirst && this.#infos.get(id)?.kind === "button") this.set(id, 1, ROUTER);
    this.#tellHeld(id);
  }

  letGo(id: number, holder: number): void {
    if (!this.values.letGo(id, holder)) return;
    const rest = this.#rests.get(id);
    if (this.values.holders(id) === 0 && rest !== undefined) this.set(id, rest, ROUTER);
    this.#tellHeld(id);
  }

  /** Releases the channels that are held and lose what they are mapped to, which would otherwise never hear of it. */
  releaseAll(loses: (name: string) => boolean): void {
    for (const id of this.values.held()) {
      if (!loses(this.values.nameOf(id))) continue;
      for (const holder of this.values.holdersOf(id)) {
        if (holder < 0) this.#unpress(id, holder);
        else this.letGo(id, holder);
      }
    }
  }

  letGoAll(holder: number): void {
    for (const id of this.values.heldBy(holder)) this.letGo(id, holder);
  }

  /** Presses a channel like a button, for a moment. */
  press(id: number): void {
    const presser = --this.#pressers;
    const isButton = this.#infos.get(id)?.kind === "button";
    if (isButton && this.values.holders(id) === 0) this.grab(id, presser);
    else {
      this.values.hold(id, presser);
      this.set(id, 1, ROUTER);
    }
    const timer = setTimeout(() => {
      this.#presses.delete(timer);
      this.#unpress(id, presser);
    }, PRESS);
    this.#presses.set(timer, id);
  }

  #unpress(id: number, presser: number): void {
    if (this.#rests.has(id)) this.letGo(id, presser);
    else if (this.values.letGo(id, presser)) this.set(id, 0, ROUTER);
  }

  /** Tells clients of a new layout, at once: values of channels that it names may follow. */
  refresh(): Layout {
    if (!this.#stale) return this.#layout;
    this.#stale = false;
    const before = JSON.stringify(this.#layout);
    const rests = this.#rests;
    this.#layout = this.#layOut();
    for (const id of this.values.held()) {
      const rest = rests.get(id);
      // A button that has become something else would stay as it is when it is released.
      if (rest !== undefined && !this.#rests.has(id) && this.#infos.has(id)) this.set(id, rest, ROUTER);
      if (!this.#infos.has(id)) this.values.drop(id);
    }
    if (before === JSON.stringify(this.#layout)) return this.#layout;
    const layout = this.#layout;
    const text = JSON.stringify({ type: "layout", ...layout });
    for (const client of this.clients) {
      client.whenRead("layout", () => {
        client.send(layout === this.#layout ? text : JSON.stringify({ type: "layout", ...this.#layout }));
      });
      this.state(client);
    }
    return this.#layout;
  }

  /** Sends a client all values that it sees. */
  state(client: Client): void {
    client.whenRead("state", () => client.send(this.feeds.state(client)));
  }

  /** Ends all timers. */
  close(): void {
    for (const timer of this.#presses.keys()) clearTimeout(timer);
    this.feeds.close();
    clearInterval(this.#timer);
  }

  #outdate(): void {
    if (this.#stale) return;
    this.#stale = true;
    // Once for all changes of a reload, and not if it fails.
    setImmediate(() => this.refresh());
  }

  /** Releases what is held by clients that have fallen silent. */
  #watch(): void {
    this.#timer ??= setInterval(() => {
      const now = performance.now();
      let holding = false;
      for (const client of this.clients) {
        if (this.values.heldBy(client.id).length === 0) continue;
        if (now - client.heard >= this.release) this.letGoAll(client.id);
        else holding = true;
      }
      if (holding) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    }, INTERVAL);
  }

  #tellHeld(id: number): void {
    if (this.clients.size === 0) return;
    const text = JSON.stringify({ type: "held", id, count: this.values.holders(id) });
    for (const client of this.clients) client.send(text);
  }

  #layOut(): Layout {
    const infos = new Map<number, ChannelInfo>();
    this.#rests = new Map();
    let count = 0;
    const place = ({ channels, ...widget }: Widget): WireWidget => {
      count++;
      const ids = channels.map((name) => this.values.idOf(name));
      const isInput = !SHOWS.includes(widget.kind);
      for (const [i, id] of ids.entries()) {
        const name = channels[i] ?? "";
        const settable = isInput || this.#mapped.get(name)?.has("output") === true;
        const known = infos.get(id);
        if (known === undefined || (isInput && SHOWS.includes(known.kind))) {
          infos.set(id, { id, name, kind: widget.kind, settable });
        }
        if (widget.kind === "button") this.#rests.set(id, 0);
        else if (widget.spring) this.#rests.set(id, widget.default ?? 0);
      }
      return { ...widget, ids };
    };
    const pages = this.#pages.map(({ groups, ...page }) => ({
      ...page,
      groups: groups.map(({ widgets, ...group }) => ({ ...group, widgets: widgets.map(place) })),
    }));
    const rest: WireWidget[] = [];
    for (const [name, uses] of this.#mapped) {
      const id = this.values.idOf(name);
      if (infos.has(id)) continue;
      const kind = uses.has("output") ? "fader" : "meter";
      if (count < MAX_WIDGETS) rest.push(place({ kind, channels: [name], label: name }));
      else infos.set(id, { id, name, kind, settable: kind === "fader" });
    }
    if (rest.length > 0) {
      const last = pages.at(-1);
      if (last === undefined) pages.push({ groups: [{ widgets: rest }] });
      else last.groups.push({ widgets: rest });
    }
    this.#infos = infos;
    const channels = [...infos.values()].sort((a, b) => a.id - b.id);
    return { title: this.#title, pages, channels };
  }
}
