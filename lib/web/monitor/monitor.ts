// The monitor's part of a server: it shows a router to its clients, and sets values for those that may. While it has no client, it
// does nothing, and the core notes nothing.
import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { LiveFrame, LiveListener, LiveView, Sample } from "../../engine/live-view.js";
import { messageOf } from "../../errors.js";
import { type Role, VIEW_ONLY } from "../access.js";
import { CLOSE, type Client, type Message } from "../client.js";
import { isValue } from "../received.js";
import type { Site, SocketRoute } from "../site.js";
import { binaryFrame, jsonFrame } from "./frames.js";
import { isLearnt, Learning } from "./learning.js";
import { graphOf, lineFor, MonitorLog, statsOf } from "./topics.js";
import { MAX_RATE, TOPICS, type Topic, Viewer } from "./viewer.js";

export interface MonitorSpec {
  readonly site: Site;
  readonly view: LiveView;
  /** Before its paths: empty, or `/monitor`. */
  readonly prefix: string;
  /** Whether values can be set here. */
  readonly control: boolean;
  readonly version: string;
}

const FILES = ["monitor.js", "monitor.css", "icon.svg"];
const STATS_PERIOD = 1000; // ms
const MAX_WATCHED = 8;

export class Monitor implements SocketRoute {
  readonly #spec: MonitorSpec;
  readonly #session = randomUUID();
  readonly #viewers = new Map<Client, Viewer>();
  readonly #learning = new Learning();
  readonly #log: MonitorLog;
  #values = new Float64Array(0);
  #numbers: ReadonlyMap<string, number> | undefined;
  #rev = 0;
  #learned: number | undefined;
  /** By channel: whether it can be learnt. */
  #learnable: Uint8Array | undefined;
  #end: (() => void) | undefined;
  #endMeasuring: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #now = () => ({ rev: this.#rev, values: this.#values });
  readonly #listener: LiveListener = {
    changed: (frame) => this.#changed(frame),
    sampled: (samples) => this.#sampled(samples),
    renumbered: () => this.#renumbered(),
  };

  constructor(spec: MonitorSpec) {
    const { site, prefix, view } = spec;
    this.#spec = spec;
    this.#log = new MonitorLog(view.history, () => this.#following("log"));
    site.file(`${prefix}/`, "monitor.html");
    for (const file of FILES) site.file(`${prefix}/${file}`, file);
    site.socket(`${prefix}/ws`, this);
    if (prefix !== "") {
      const there = { status: 308, headers: { Location: `${site.path}${prefix.slice(1)}/` } };
      site.route(prefix, { GET: { needs: "open", handle: () => there } });
    }
  }

  /** Takes it away from its site. */
  close(): void {
    const { site, prefix } = this.#spec;
    for (const path of ["/", "/ws", ...FILES.map((file) => `/${file}`)]) site.withdraw(prefix + path);
    if (prefix !== "") site.withdraw(prefix);
    for (const client of this.#viewers.keys()) client.close(CLOSE.stop, "the monitor has been switched off", true);
    this.#viewers.clear();
    this.#rest();
  }

  opened(client: Client): void {
    const { view, version } = this.#spec;
    const viewer = new Viewer(client);
    this.#viewers.set(client, viewer);
    if (this.#viewers.size === 1) {
      this.#values = unknown(view.channels.length);
      this.#end = view.listen(this.#listener);
    }
    client.tell({
      type: "hello",
      protocol: 1,
      server: `mmpy ${version}`,
      session: this.#session,
      client: client.id,
      role: this.#roleOf(client),
      pages: [],
      channels: this.#channels(),
    });
    viewer.state(this.#now);
  }

  closed(client: Client): void {
    this.#viewers.delete(client);
    if (this.#viewers.size === 0) this.#rest();
    else this.#look();
  }

  message(client: Client, message: Message): void {
    const viewer = this.#viewers.get(client);
    if (viewer === undefined) return;
    switch (message.type) {
      case "subscribe":
        this.#subscribe(viewer, message);
        break;
      case "follow":
        this.#follow(viewer, message);
        break;
      case "watch":
        this.#watch(viewer, message);
        break;
      case "set":
        this.#set(client, message);
        break;
      default:
        client.error("type", `there is no message of the type '${message.type.slice(0, 50)}'`, message.seq);
    }
  }

  #roleOf(client: Client): Role {
    return this.#spec.control ? client.role : "view";
  }

  #channels() {
    return this.#spec.view.channels.map(({ name, uses }, id) => ({ id, name, kind: kindOf(uses) }));
  }

  #subscribe(viewer: Viewer, { names, rate, binary, seq }: Message): void {
    if (names !== undefined && names !== "*" && !isTexts(names)) {
      viewer.client.error("names", "names is a list of names of channels, or '*'", seq);
      return;
    }
    if (rate !== undefined && !(typeof rate === "number" && rate > 0 && rate <= MAX_RATE)) {
      viewer.client.error("rate", `rate is a number of messages a second, more than 0 and up to ${MAX_RATE}`, seq);
      return;
    }
    viewer.rate = rate ?? viewer.rate;
    viewer.binary = binary === undefined ? viewer.binary : binary === true;
    if (names !== undefined) viewer.names = names === "*" ? undefined : new Set(names);
    viewer.want(() => this.#numbersOf());
    viewer.state(this.#now);
  }

  #follow(viewer: Viewer, { topics, seq }: Message): void {
    if (!isTexts(topics) || !topics.every((topic): topic is Topic => TOPICS.some((known) => known === topic))) {
      viewer.client.error("topics", `topics is a list of some of ${TOPICS.join(", ")}`, seq);
      return;
    }
    const before = new Set(viewer.topics);
    viewer.topics.clear();
    for (const topic of topics) viewer.topics.add(topic as Topic);
    const isNew = (topic: Topic) => viewer.topics.has(topic) && !before.has(topic);
    const { client } = viewer;
    if (isNew("log")) client.whenRead("log", () => client.tell(this.#log.all()));
    if (isNew("graph")) client.whenRead("graph", () => client.tell(graphOf(this.#spec.view)));
    if (isNew("stats")) viewer.client.tell(statsOf(this.#spec.view));
    if (isNew("learn")) {
      this.#learning.clear();
      this.#learned = undefined;
    }
    this.#look();
  }

  #watch(viewer: Viewer, { names, seq }: Message): void {
    if (!isTexts(names) || names.length > MAX_WATCHED) {
      viewer.client.error("names", `names is a list of up to ${MAX_WATCHED} names of channels`, seq);
      return;
    }
    viewer.watch(names, this.#numbersOf());
    this.#look();
  }

  #set(client: Client, { v, name, value, seq }: Message): void {
    if (this.#roleOf(client) !== "control") {
      const why = this.#spec.control ? VIEW_ONLY : "values can't be set here: control is off";
      client.error("role", why, seq);
      return;
    }
    const pairs = typeof name === "string" ? [[name, value] as const] : this.#pairsOf(v);
    if (pairs === undefined || !pairs.every(([, number]) => isValue(number))) {
      client.error("value", "set has a name and a value from 0 to 1, or v with numbers of channels and values", seq);
      return;
    }
    if (!client.countValues(pairs.length)) return;
    for (const [channel, number] of pairs) {
      try {
        this.#spec.view.send(channel, number as number);
      } catch (error) {
        client.error("channel", messageOf(error), seq);
        return;
      }
    }
    client.tell({ type: "ack", ...(typeof seq === "number" && { seq }), rev: this.#rev });
  }

  #pairsOf(v: unknown): (readonly [string, unknown])[] | undefined {
    if (!Array.isArray(v) || v.length === 0 || v.length % 2 !== 0) return undefined;
    const pairs: (readonly [string, unknown])[] = [];
    for (let i = 0; i < v.length; i += 2) {
      const channel = Number.isInteger(v[i]) ? this.#spec.view.channels[v[i] as number] : undefined;
      if (channel === undefined) return undefined;
      pairs.push([channel.name, v[i + 1]]);
    }
    return pairs;
  }

  #changed(frame: LiveFrame): void {
    const now = performance.now();
    for (let i = 0; i < frame.count; ++i) this.#values[frame.channels[i] as number] = frame.values[i] as number;
    const rev = ++this.#rev;
    let text: string | undefined;
    let bytes: Uint8Array | undefined;
    for (const viewer of this.#viewers.values()) {
      if (!viewer.takesAll(now)) {
        viewer.note(frame.channels, frame.count);
        viewer.flush(now, rev, this.#values);
        continue;
      }
      if (viewer.binary) {
        bytes ??= binaryFrame(frame.channels, this.#values, frame.count);
        viewer.client.send(bytes);
      } else {
        text ??= jsonFrame("values", rev, frame.channels, this.#values, frame.count);
        viewer.client.send(text);
      }
      viewer.sent(now);
    }
    if (this.#following("learn").length > 0) this.#learn(frame, now);
  }

  #learn(frame: LiveFrame, now: number): void {
    const { view } = this.#spec;
    const { channels } = view;
    this.#learnable ??= learnable(view);
    this.#learning.add(frame, now, this.#learnable);
    const id = this.#learning.most();
    if (id === undefined || id === this.#learned) return;
    this.#learned = id;
    const name = channels[id]?.name ?? "?";
    for (const viewer of this.#following("learn")) {
      viewer.client.tell({ type: "learned", id, name, line: lineFor(view, name) });
    }
  }

  #sampled(samples: readonly Sample[]): void {
    const byChannel = group(samples);
    for (const viewer of this.#viewers.values()) {
      for (const id of viewer.watched) {
        const found = byChannel.get(id);
        if (found === undefined || viewer.client.lags) continue;
        viewer.client.tell({ type: "samples", id, v: found.flatMap(({ time, value }) => [time, value]) });
      }
    }
  }

  #renumbered(): void {
    const { view } = this.#spec;
    this.#values = unknown(view.channels.length);
    this.#numbers = undefined;
    this.#learning.clear();
    this.#learned = undefined;
    this.#learnable = undefined;
    // Made once for all viewers, unless another reload comes before one of them has read.
    let texts: { readonly layout: string; readonly graph: string } | undefined;
    const channels = view.channels;
    const made = () => {
      if (texts === undefined || channels !== view.channels) {
        const layout = JSON.stringify({ type: "layout", channels: this.#channels() });
        texts = { layout, graph: JSON.stringify(graphOf(view)) };
      }
      return texts;
    };
    for (const viewer of this.#viewers.values()) {
      const { client } = viewer;
      viewer.renumber(() => this.#numbersOf());
      client.whenRead("layout", () => client.send(made().layout));
      if (viewer.topics.has("graph")) client.whenRead("graph", () => client.send(made().graph));
      // A state that it is still waiting for must not come before the new numbers.
      if (client.lags) viewer.state(this.#now);
    }
    this.#look();
  }

  #numbersOf(): ReadonlyMap<string, number> {
    this.#numbers ??= new Map(this.#spec.view.channels.map(({ name }, id) => [name, id]));
    return this.#numbers;
  }

  #following(topic: Topic): Viewer[] {
    return [...this.#viewers.values()].filter(({ topics }) => topics.has(topic));
  }

  /** Switches on and off what only some clients need. */
  #look(): void {
    const { view } = this.#spec;
    view.watch(
      this.#listener,
      [...this.#viewers.values()].flatMap(({ watched }) => watched),
    );
    const stats = this.#following("stats").length > 0;
    if (stats) {
      this.#endMeasuring ??= view.measure();
      this.#timer ??= setInterval(() => this.#tellStats(), STATS_PERIOD).unref();
    } else {
      this.#stopStats();
    }
    this.#log.follow(this.#following("log").length > 0);
  }

  #tellStats(): void {
    const stats = statsOf(this.#spec.view);
    for (const viewer of this.#following("stats")) if (!viewer.client.lags) viewer.client.tell(stats);
    // Those that lagged, or want values less often, may be ready while nothing changes.
    for (const viewer of this.#viewers.values()) viewer.flush(performance.now(), this.#rev, this.#values);
  }

  #stopStats(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#endMeasuring?.();
    this.#endMeasuring = undefined;
  }

  /** Stops everything: there is no client left. */
  #rest(): void {
    this.#stopStats();
    this.#log.follow(false);
    this.#end?.();
    this.#end = undefined;
    this.#numbers = undefined;
    // Reloads are not noticed from now on.
    this.#learnable = undefined;
    this.#learned = undefined;
    this.#learning.clear();
    this.#values = new Float64Array(0);
  }
}

function learnable({ pages, channels }: LiveView): Uint8Array {
  const owners = new Set([...pages].flatMap(({ owner }) => owner ?? []));
  return Uint8Array.from(channels, (channel) => (isLearnt(channel, owners) ? 1 : 0));
}

function unknown(size: number): Float64Array<ArrayBuffer> {
  return new Float64Array(size).fill(Number.NaN);
}

function kindOf(uses: readonly string[]): string {
  if (uses.length === 2) return "both";
  return uses[0] === "output" ? "source" : uses[0] === "input" ? "target" : "unmapped";
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function group(samples: readonly Sample[]): Map<number, Sample[]> {
  const groups = new Map<number, Sample[]>();
  for (const sample of samples) {
    const known = groups.get(sample.channel);
    if (known === undefined) groups.set(sample.channel, [sample]);
    else known.push(sample);
  }
  return groups;
}
