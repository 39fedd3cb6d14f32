import { getSystemErrorName } from "node:util";
import { count } from "../../count.js";
import type { Channel, DeclaredInstance, EventBatch, InstanceSetup, InstanceStatus } from "../instance.js";
import type { DetectLog } from "../shared/detect-log.js";
import { LimitedLog } from "../shared/limited-log.js";
import { code } from "../shared/numbers.js";
import { channelOf, isApart, kindOf, nameOf } from "./channels.js";
import { Decoder } from "./decode.js";
import type { DeviceList } from "./devices.js";
import { CONTROLLER, type Encoding, encode } from "./encode.js";
import { ALL_CONNECTED, EVENT, OutgoingRows, type Port, showPort } from "./events.js";
import type { instanceOptions } from "./index.js";
import { Links } from "./links.js";
import type { PortUser, Sequencer } from "./sequencer.js";

type Setup = InstanceSetup<typeof instanceOptions>;
type Declared = DeclaredInstance<typeof instanceOptions, number>;

/** A port of the sequencer, with the connections that its options ask for. */
export class MidiInstance implements Declared, PortUser {
  readonly name: string;
  readonly #setup: Setup;
  readonly #sequencer: Sequencer;
  readonly #detect: DetectLog | undefined;
  readonly #encoding: Encoding;
  readonly #decoder: Decoder;
  readonly #links: Links;
  readonly #limited: LimitedLog;
  readonly #rows = new OutgoingRows();
  /** Meanings of channels that are sent, by their numbers. */
  readonly #outputs: (number | undefined)[] = [];
  /** Numbers of channels that are received, by their meanings. */
  readonly #inputs = new Map<number, number>();
  /** The last values that were sent, by their meanings, where options need them. */
  readonly #last: Map<number, number> | undefined;
  /** What is connected to receive from the port, by options or other programs. */
  readonly #receivers = new Set<string>();
  #port: number | undefined;
  /** The sender of the event that is being read. */
  #from: Port = ALL_CONNECTED;
  #lastData: number | undefined;
  #lost = 0;
  /** Whether another instance goes on with the port. */
  #continued = false;

  /** @param detect undefined if option `detect` is off */
  constructor(setup: Setup, sequencer: Sequencer, detect: DetectLog | undefined) {
    const { name, log, options } = setup;
    this.name = name;
    this.#setup = setup;
    this.#sequencer = sequencer;
    this.#detect = detect;
    this.#encoding = { keepsParameter: options["epn-tx"] === "short", noteOff: options["note-off"] };
    this.#decoder = new Decoder(options["epn-rx"] === "msb", (meaning, value) => this.#receive(meaning, value));
    this.#links = new Links(name, log, sequencer, options, (peer) => this.#sendsTo(peer));
    this.#limited = new LimitedLog(log, { instance: name });
    this.#last = options.resend || options["all-notes-off"] ? new Map() : undefined;
  }

  connect(channels: readonly Channel<number>[]): [] {
    for (const { index, use, meaning } of channels) {
      if (use === "input") this.#outputs[index] = meaning;
      else this.#inputs.set(meaning, index);
    }
    return [];
  }

  disconnect(channels: readonly Channel<number>[]): void {
    for (const { index, use, meaning } of channels) {
      if (use === "output") this.#inputs.delete(meaning);
      else {
        this.#outputs[index] = undefined;
        this.#last?.delete(meaning);
      }
    }
  }

  takeOver(predecessor: Declared): void {
    if (!(predecessor instanceof MidiInstance) || predecessor.#sequencer !== this.#sequencer) return;
    predecessor.#continued = true;
    this.#sequencer.handOver(predecessor, this);
    this.#links.adopt(predecessor.#links);
    for (const receiver of predecessor.#receivers) this.#receivers.add(receiver);
    const sent = new Set(this.#outputs);
    for (const [meaning, value] of predecessor.#last ?? []) if (sent.has(meaning)) this.#last?.set(meaning, value);
  }

  start(): void {
    this.#sequencer.add(this);
  }

  handle({ length, channels, values }: EventBatch): void {
    const port = this.#port;
    this.#rows.begin(port ?? 0, ALL_CONNECTED);
    for (let i = 0; i < length; ++i) {
      const meaning = this.#outputs[channels[i] ?? 0];
      const value = values[i] ?? 0;
      if (meaning === undefined) continue;
      this.#last?.set(meaning, value);
      encode(this.#rows, meaning, value, this.#encoding);
    }
    if (port === undefined) this.#lost += length;
    else this.#flush();
  }

  stop(): void {
    if (!this.#continued) {
      if (this.#setup.options["all-notes-off"]) this.#endNotes();
      this.#sequencer.remove(this);
    }
    this.#port = undefined;
    this.#links.close();
    this.#limited.close();
  }

  status(): InstanceStatus {
    const { problem, client } = this.#sequencer;
    const { parts, peers, waits } = this.#links.summary;
    const port = this.#port;
    const lost = this.#lost;
    const lastData = this.#lastData;
    const text = problem ?? [`port ${showPort({ client, port: port ?? -1 })}`, ...parts].join("; ");
    return {
      state: problem === undefined && port !== undefined && !waits ? "ok" : "waiting",
      text: problem === undefined && port === undefined ? "has no port" : text,
      ...(peers.length > 0 && { peers }),
      ...(lastData !== undefined && { lastData }),
      lost,
    };
  }

  opened(port: number): void {
    this.#port = port;
    // Connections that an instance before this one has made, and that it is to tell itself of.
    for (const peer of this.#links.receivers()) this.#welcome(peer);
    this.#links.open(port);
  }

  closed(): void {
    this.#port = undefined;
    this.#receivers.clear();
    this.#links.close();
  }

  received(type: number, from: Port, channel: number, parameter: number, value: number): void {
    if (!Decoder.takes(type)) return;
    this.#from = from;
    this.#lastData = Date.now();
    this.#decoder.read(type, channel, parameter, value);
  }

  retry(devices: DeviceList): void {
    for (const { client, port } of this.#links.missing(devices)) this.gone(client, port);
    this.#links.connect();
  }

  gone(client: number, port: number | undefined): void {
    for (const receiver of this.#receivers) {
      if (port === undefined ? receiver.startsWith(`${client}:`) : receiver === showPort({ client, port })) {
        this.#receivers.delete(receiver);
      }
    }
    this.#links.gone(client, port);
  }

  linked(sender: Port, receiver: Port, connected: boolean): void {
    if (this.#isOwn(receiver)) this.#links.linked(sender, false, connected);
    if (!this.#isOwn(sender)) return;
    if (!connected) this.#receivers.delete(showPort(receiver));
    this.#links.linked(receiver, true, connected);
    if (connected) this.#sendsTo(receiver);
  }

  #isOwn({ client, port }: Port): boolean {
    return client === this.#sequencer.client && port === this.#port;
  }

  #receive(meaning: number, value: number): void {
    const { emit, now } = this.#setup;
    if (this.#detect !== undefined) {
      const from = showPort(this.#from);
      this.#detect.tell(`${this.name} ${meaning}`, now(), { instance: this.name, peer: from }, () => {
        return `${this.name}: received ${nameOf(meaning)} ${value.toFixed(3)} from ${from}`;
      });
    }
    const channel = this.#inputs.get(meaning);
    if (channel !== undefined) emit(channel, value);
  }

  /** A device is connected to the port. Known also where an option has asked for it. */
  #sendsTo(peer: Port): void {
    if (!this.#receivers.has(showPort(peer))) this.#welcome(peer);
  }

  /** Sends a device that is new what it is to get first. */
  #welcome(peer: Port): void {
    const port = this.#port;
    if (port === undefined) return;
    this.#receivers.add(showPort(peer));
    const { init, resend } = this.#setup.options;
    for (const message of init.flat()) {
      if (message.kind === "bytes") {
        const result = this.#sequencer.sendBytes(port, peer, message.bytes);
        if (result < 0) this.#tellUnsent(1, result);
      } else {
        this.#rows.begin(port, peer);
        this.#rows.add(message.type, message.channel, message.parameter, message.value);
        this.#flush();
      }
    }
    if (!resend) return;
    this.#rows.begin(port, peer);
    for (const [meaning, value] of this.#last ?? []) {
      if (!isApart(kindOf(meaning))) encode(this.#rows, meaning, value, this.#encoding);
    }
    this.#flush();
  }

  #flush(): void {
    if (this.#rows.count === 0) return;
    const failed = this.#sequencer.send(this.#rows);
    if (failed > 0) this.#tellUnsent(failed, this.#rows.firstError ?? 0);
  }

  #tellUnsent(messages: number, error: number): void {
    this.#lost += messages;
    const name = getSystemErrorName(error || -5);
    const why = name === "ENOMEM" || name === "EAGAIN" ? "a device takes no more at the moment" : "sending failed";
    this.#limited.warn(
      "send",
      () => `${this.name}: ${count(messages, "MIDI message")} lost: ${why} (${name})`,
      () => `${this.name}: ${count(this.#lost, "MIDI message")} lost so far: ${why} (${name})`,
    );
  }

  #endNotes(): void {
    const port = this.#port;
    if (port === undefined) return;
    const sounding = [...(this.#last ?? [])].filter(
      ([meaning, value]) => kindOf(meaning) === "note" && code(value, 127) > 0,
    );
    this.#rows.begin(port, ALL_CONNECTED);
    for (const channel of new Set(sounding.map(([meaning]) => channelOf(meaning)))) {
      this.#rows.add(EVENT.controller, channel, CONTROLLER.allNotesOff, 0);
    }
    this.#flush();
  }
}
