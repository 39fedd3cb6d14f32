import { isDeepStrictEqual } from "node:util";
import { count } from "../../count.js";
import type {
  BackendSetup,
  Channel,
  DeclaredInstance,
  EventBatch,
  InstanceSetup,
  InstanceStatus,
  OpenBackend,
} from "../instance.js";
import { DetectLog } from "../shared/detect-log.js";
import { EventBuffer } from "../shared/event-buffer.js";
import { LimitedLog } from "../shared/limited-log.js";
import { type Silence, silenceOf } from "../shared/silence.js";
import type { Client, Connection, Incoming } from "./connection.js";
import { readDecimal } from "./decimals.js";
import type { Format, FormatLine } from "./format.js";
import type { instanceOptions, options } from "./index.js";
import { Link } from "./link.js";
import { Outgoing } from "./outgoing.js";
import { decode, encode, encoded, encodeInto, hasLength, scaled, withoutLength } from "./payload.js";
import { preview, shown } from "./preview.js";
import { RateLimit } from "./rate-limit.js";
import { CertificateProblem, readCertificates } from "./socket.js";
import { TopicTable } from "./topic-table.js";

type Setup = InstanceSetup<typeof instanceOptions, FormatLine>;
type Declared = DeclaredInstance<typeof instanceOptions, Format, FormatLine>;

export function open({
  options: { detect },
}: BackendSetup<typeof options>): OpenBackend<typeof instanceOptions, Format, FormatLine> {
  return {
    async instance(setup) {
      await checkCertificates(setup);
      return new MqttInstance(setup, detect);
    },
  };
}

async function checkCertificates({ options: given, report }: Setup): Promise<void> {
  if (!given.host.tls) return;
  try {
    await readCertificates(given);
  } catch (error) {
    if (!(error instanceof CertificateProblem)) throw error;
    report({ message: `'${error.option}' ${error.message}`, option: error.option });
  }
}

/**
 * The library: here, since it takes longer to run than everything else and is of no use to a check. Only its core: the rest is
 * for other ways of transport.
 */
async function importClient(): Promise<Client> {
  const { default: module } = await import("mqtt/lib/client");
  // Some loaders of CommonJS modules take the default export apart, and others do not.
  return "default" in module ? module.default : module;
}

/** How many lines option `detect` makes in a second: a broker may have all messages of a house. */
const DETECTED_PER_SECOND = 20;

/** If one of these changes, the next connection may be refused: then the status has to say so. */
const STATUS_NEEDS = [
  "status",
  "host",
  "user",
  "password",
  "clientid",
  "protocol",
  "ca",
  "cert",
  "key",
  "insecure",
] as const;

interface Topic {
  readonly channel: number;
  readonly topic: string;
  readonly format: Format;
}

/** Sends and receives values by way of a broker. */
class MqttInstance implements Declared {
  readonly #setup: Setup;
  readonly #name: string;
  readonly #limited: LimitedLog;
  readonly #detect: DetectLog | undefined;
  readonly #link: Link<Topic>;
  /** The connection, while there is one. */
  #connection: Connection<Topic> | undefined;
  /** Topics that are sent, by the number of their channel. */
  readonly #outputs: (Topic | undefined)[] = [];
  /** Topics that are received. */
  readonly #inputs = new TopicTable<Topic>();
  readonly #outgoing = new Outgoing();
  readonly #limit: RateLimit | undefined;
  readonly #silence: Silence;
  /** Whether last values are being sent that others may miss, who connect again too. */
  #late = false;
  #lastData: number | undefined;
  readonly #events: EventBuffer;
  /** Whether a value has come in what is being read. */
  #heard = false;
  /** The number of values that were not sent, since there were later ones. */
  #lost = 0;
  /** What has to end before this instance connects: the one it replaces. */
  #before: Promise<void> = Promise.resolve();
  #tellEnd: () => void = () => {};
  readonly #end = new Promise<void>((resolve) => {
    this.#tellEnd = resolve;
  });
  /** Whether another instance goes on with the topic of the status. */
  #continued = false;

  constructor(setup: Setup, detect: boolean) {
    const { name, log } = setup;
    this.#setup = setup;
    this.#events = new EventBuffer(setup.emitBatch);
    this.#name = name;
    this.#detect = detect ? new DetectLog(log, name, DETECTED_PER_SECOND) : undefined;
    this.#link = new Link(name, log, setup.options, detect, this.#inputs, {
      connected: (connection, again) => this.#isConnected(connection, again),
      lost: () => this.#isLost(),
      value: (topic, bytes, start, end, marked) => this.#receiveValue(topic, bytes, start, end, marked),
      valuesEnd: () => this.#endValues(),
      message: (incoming) => this.#receive(incoming),
      ready: () => this.#flush(),
      refused: (topic, reason) => this.#isRefused("send", topic, reason),
      rejected: (topic, reason) => this.#isRefused("take", topic, reason),
    });
    this.#limited = new LimitedLog(log, { instance: name, peer: this.#link.peer });
    const { rate } = setup.options;
    if (rate > 0) this.#limit = new RateLimit(rate, setup.now, (values) => this.#sendLater(values));
    this.#silence = silenceOf(setup, () => Array.from(this.#inputs.values, ({ channel }) => channel));
  }

  connect(channels: readonly Channel<Format>[]): [] {
    const added: string[] = [];
    for (const { index, name, use, meaning } of channels) {
      const topic = { channel: index, topic: this.#topicOf(name), format: meaning };
      if (use === "input") {
        this.#outputs[index] = topic;
      } else {
        if (this.#inputs.get(topic.topic) === undefined) added.push(topic.topic);
        this.#inputs.set(topic);
      }
    }
    this.#connection?.subscribe(added);
    return [];
  }

  disconnect(channels: readonly Channel<Format>[]): void {
    const removed: string[] = [];
    for (const { index, name, use } of channels) {
      if (use === "input") {
        this.#outputs[index] = undefined;
        this.#outgoing.forget(index);
        this.#limit?.forget(index);
      } else if (this.#inputs.delete(this.#topicOf(name))) {
        removed.push(this.#topicOf(name));
      }
    }
    this.#connection?.unsubscribe(removed);
  }

  takeOver(predecessor: Declared): void {
    if (!(predecessor instanceof MqttInstance)) return;
    this.#before = predecessor.#end;
    this.#silence.adopt(predecessor.#silence);
    const [before, after] = [predecessor.#setup.options, this.#setup.options];
    predecessor.#continued = STATUS_NEEDS.every((name) => isDeepStrictEqual(before[name], after[name]));
    const channels = new Map(this.#outputs.flatMap((output) => (output ? [[output.topic, output.channel]] : [])));
    for (const [channel, value] of predecessor.#limit?.drain() ?? []) predecessor.#outgoing.keep(channel, value);
    predecessor.#outgoing.handOver(this.#outgoing, (channel) =>
      channels.get(predecessor.#outputs[channel]?.topic ?? ""),
    );
  }

  async start(signal: AbortSignal): Promise<void> {
    const client = await importClient();
    if (!signal.aborted) this.#link.start(client, this.#before);
  }

  handle({ length, channels, values }: EventBatch): void {
    const connection = this.#connection;
    const limit = this.#limit;
    for (let i = 0; i < length; ++i) {
      const channel = channels[i] ?? 0;
      const value = values[i] ?? 0;
      if (connection === undefined) this.#outgoing.keep(channel, value);
      // After a loss it is this one that is sent.
      else if (limit !== undefined && !limit.passes(channel, value)) this.#outgoing.sent(channel, value);
      else this.#deliver(connection, channel, value);
    }
    connection?.flush();
  }

  #deliver(connection: Connection<Topic>, channel: number, value: number): void {
    if (!this.#outgoing.empty || !connection.ready) this.#wait(channel, value);
    else {
      this.#outgoing.sent(channel, value);
      this.#send(connection, channel, value, false);
    }
  }

  /** Sends values that the limit has held back. */
  #sendLater(values: ReadonlyMap<number, number>): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    for (const [channel, value] of values) this.#deliver(connection, channel, value);
    connection.flush();
  }

  status(): InstanceStatus {
    const lastData = this.#lastData;
    return { ...this.#link.status(), ...(lastData !== undefined && { lastData }), lost: this.#lost };
  }

  async stop(): Promise<void> {
    this.#sendLater(this.#limit?.drain() ?? new Map());
    this.#connection = undefined;
    await this.#link.stop(!this.#continued);
    this.#limited.close();
    this.#silence.close();
    this.#tellEnd();
  }

  #topicOf(channel: string): string {
    return (this.#setup.options.base ?? "") + channel;
  }

  #isConnected(connection: Connection<Topic>, again: boolean): void {
    this.#connection = connection;
    connection.subscribe([...this.#inputs.names]);
    this.#late = again;
    this.#flush();
  }

  #isLost(): void {
    this.#connection = undefined;
    this.#limit?.drain();
    this.#outgoing.restart();
  }

  #isRefused(what: "send" | "take", topic: string, reason: string): void {
    const peer = this.#link.peer;
    this.#limited.warn(
      what,
      () => `${this.#name}: ${peer} refuses to ${what} the topic '${preview(topic)}': ${reason}`,
      (more) => `${this.#name}: ${peer} has refused to ${what} topics ${count(more, "more time")}`,
    );
  }

  #send(connection: Connection<Topic>, channel: number, value: number, late: boolean): void {
    const output = this.#outputs[channel];
    if (output === undefined) return;
    const length = encodeInto(output.format, value);
    if (length > 0) {
      connection.publish(channel, output.topic, encoded.bytes, length, late);
    } else if (length < 0) {
      this.#limited.warn(
        "value",
        () => `${this.#name}: topic '${preview(output.topic)}' has no text for the value ${value}; nothing is sent`,
        (more) => `${this.#name}: there was no text for a value ${count(more, "more time")}`,
      );
    }
  }

  #wait(channel: number, value: number): void {
    const lost = this.#outgoing.wait(channel, value);
    if (lost === 0) return;
    this.#lost += lost;
    this.#limited.warn(
      "slow",
      () =>
        `${this.#name}: ${this.#link.peer} takes messages more slowly than they come: of values that wait, ` +
        "only the last one of each topic is sent",
      () => `${this.#name}: ${this.#link.peer} is still too slow; ${this.#lost} values were not sent so far`,
    );
  }

  #flush(): void {
    const connection = this.#connection;
    if (connection === undefined || this.#outgoing.empty) return;
    this.#outgoing.flush(
      () => connection.ready,
      (channel, value, late) => this.#send(connection, channel, value, late && this.#late),
    );
    connection.flush();
    if (this.#outgoing.empty) this.#late = false;
  }

  #receive({ topic, payload, marked, subscribed, detected }: Incoming): void {
    this.#lastData = Date.now();
    const input = this.#inputs.get(topic);
    if (detected && this.#detect !== undefined) this.#tell(this.#detect, topic, payload, this.#noteOn(topic));
    const content = withoutLength(payload, marked);
    if (input === undefined || !subscribed || content.length === 0) return;
    this.#silence.end();
    // Those that came earlier come first.
    this.#events.flush();
    this.#take(input, content);
    this.#events.flush();
  }

  /** A message whose payload is a number as most are, which is read where it is. */
  #receiveValue(input: Topic, bytes: Buffer, begin: number, end: number, marked: boolean): void {
    const { channel, format } = input;
    const start = marked && hasLength(bytes, begin, end) ? begin + 2 : begin;
    if (start === end) return;
    this.#heard = true;
    if (format.kind !== "discrete" && this.#outgoing.lastOf(channel) === undefined) {
      const number = readDecimal(bytes, start, end);
      if (!Number.isNaN(number)) {
        this.#events.put(channel, scaled(format, number));
        return;
      }
    }
    this.#take(input, bytes.subarray(start, end));
  }

  #endValues(): void {
    if (!this.#heard) return;
    this.#heard = false;
    this.#lastData = Date.now();
    this.#silence.end();
    this.#events.flush();
  }

  /** @param content not empty */
  #take(input: Topic, content: Buffer): void {
    const value = decode(input.format, content);
    if (value === undefined) {
      const what = input.format.kind === "discrete" ? "is not one of its texts" : "does not begin with a number";
      this.#limited.warn(
        "payload",
        () => `${this.#name}: a message of topic '${preview(input.topic)}' is ignored, since ${shown(content)} ${what}`,
        (more) => `${this.#name}: ${count(more, "more message")} without a value ignored`,
      );
      return;
    }
    this.#isNewer(input, content);
    this.#events.put(input.channel, value);
  }

  /** What option `detect` adds about a topic. */
  #noteOn(topic: string): string {
    if (this.#inputs.get(topic) !== undefined) return "";
    if (this.#outputs.some((output) => output?.topic === topic)) return " (a topic that this instance sends to)";
    return topic === this.#setup.options.status ? " (the status of this instance)" : " (not mapped)";
  }

  #tell(detect: DetectLog, topic: string, payload: Buffer, note: string): void {
    const message = () => `${this.#name}: ${preview(topic)}: ${shown(payload)}${note}`;
    detect.tell(topic, performance.now(), { instance: this.#name, topic }, message);
  }

  /** What others have sent is later than what was sent from here, unless it is just that, which came back. */
  #isNewer({ channel, format }: Topic, content: Buffer): void {
    const last = this.#outgoing.lastOf(channel);
    if (last !== undefined && encode(format, last) !== content.toString()) this.#outgoing.forget(channel);
  }
}
