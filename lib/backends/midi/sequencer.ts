import { existsSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import type { MidiFailure } from "../../binding.js";
import { count } from "../../count.js";
import type { Engine } from "../../engine/engine.js";
import type { Logger } from "../../log/log.js";
import { Condition } from "../shared/condition.js";
import { LimitedLog } from "../shared/limited-log.js";
import { Reconnect } from "../shared/reconnect.js";
import { type DeviceList, findPort } from "./devices.js";
import { EVENT, INPUT_COLUMNS, type OutgoingRows, type Port } from "./events.js";

/** An instance, which has a port of the router's client. */
export interface PortUser {
  readonly name: string;
  /** There is a port, at first or again. */
  opened(port: number): void;
  /** There is no sequencer any more, and so no port and no connection. */
  closed(): void;
  /** An event has arrived at the port. */
  received(type: number, from: Port, channel: number, parameter: number, value: number): void;
  /** Something may have come that it waits for, or gone without an announcement. @param devices all that there are */
  retry(devices: DeviceList): void;
  /** A port is gone, or with `port` undefined a client. */
  gone(client: number, port: number | undefined): void;
  /** Two ports were connected or disconnected, here or by another program. */
  linked(sender: Port, receiver: Port, connected: boolean): void;
}

/** How often what instances wait for is looked for even without an announcement, in ms. */
const RETRY = 5000;

const IS_HERE = process.platform === "linux";
const DEVICE = "/dev/snd/seq";

const ENODEV = -19;
const EBADF = -9;
/** What a client that sends gets if its own end is gone, not a receiver's. */
const ENDED: readonly number[] = [ENODEV, EBADF];

/** A router's client of ALSA's sequencer, with a port for each instance. While there is no sequencer, opening it is tried regularly. */
export class Sequencer {
  readonly #engine: Engine;
  readonly #name: string;
  readonly #condition: Condition;
  readonly #limited: LimitedLog;
  readonly #reconnect = new Reconnect(() => this.#open());
  readonly #log: Logger;
  /** Instances, and the number of the port of each. */
  readonly #ports = new Map<PortUser, number | undefined>();
  #state: "new" | "open" | "closed" | "ended" = "new";
  #client = -1;
  #timer: NodeJS.Timeout | undefined;

  /** @param name of the client */
  constructor(engine: Engine, name: string, log: Logger) {
    this.#engine = engine;
    this.#name = name;
    this.#log = log;
    this.#limited = new LimitedLog(log, {});
    this.#condition = new Condition(
      log,
      {},
      {
        atOnce: true,
        failed: (reason) => `midi: ${reason}${IS_HERE ? "; trying again" : ""}`,
        works: () => `midi: works now, as client ${this.#client} of ALSA's sequencer`,
      },
    );
  }

  /** Why there is no sequencer; undefined if there is one. */
  get problem(): string | undefined {
    return this.#state === "open" ? undefined : (this.#condition.reason ?? "it is not open");
  }

  /** The number of the client. */
  get client(): number {
    return this.#client;
  }

  start(): void {
    this.#open();
    this.#timer = setInterval(() => this.#retry(), RETRY).unref();
  }

  stop(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    clearInterval(this.#timer);
    this.#reconnect.close();
    this.#condition.close();
    this.#limited.close();
    this.#engine.binding.closeMidi(this.#engine.core);
  }

  /** Gives an instance a port, now or when there is a sequencer. */
  add(user: PortUser): void {
    if (!this.#ports.has(user)) this.#ports.set(user, undefined);
    if (this.#state === "open") this.#addPort(user);
  }

  /** Another instance takes the port over, with its connections. */
  handOver(from: PortUser, to: PortUser): void {
    if (!this.#ports.has(from)) return;
    this.#ports.set(to, this.#ports.get(from));
    this.#ports.delete(from);
  }

  remove(user: PortUser): void {
    const port = this.#ports.get(user);
    this.#ports.delete(user);
    if (port !== undefined && this.#state === "open") this.#engine.binding.removeMidiPort(this.#engine.core, port);
  }

  /** The port that an option names; undefined if it is not there. */
  find(text: string): Port | undefined {
    const { binding, core } = this.#engine;
    const address = binding.findMidi(core, text);
    const found = address < 0 ? undefined : { client: address >> 8, port: address & 0xff };
    return findPort(text, found, () => this.list(), this.#client);
  }

  list(): DeviceList {
    return this.#engine.binding.listMidi(this.#engine.core);
  }

  /** @returns a negative `errno` if that fails */
  link(port: number, peer: Port, toPeer: boolean, connect: boolean): number {
    const { binding, core } = this.#engine;
    return binding.linkMidi(core, port, peer.client, peer.port, toPeer, connect);
  }

  /** @returns how many events could not be sent */
  send(rows: OutgoingRows): number {
    const { binding, core } = this.#engine;
    const failed = binding.sendMidi(core, rows.rows, rows.count);
    if (failed > 0 && ENDED.includes(rows.firstError ?? 0)) this.#end(rows.firstError ?? 0);
    return failed;
  }

  /** @returns a negative `errno` if that fails */
  sendBytes(port: number, to: Port, bytes: Uint8Array): number {
    const { binding, core } = this.#engine;
    return binding.sendMidiBytes(core, port, to.client, to.port, bytes);
  }

  #open(): void {
    if (this.#state === "ended" || this.#state === "open") return;
    const { binding, core } = this.#engine;
    if (!IS_HERE) {
      this.#condition.fails("there is MIDI on Linux only, so far");
      return;
    }
    const failure = binding.openMidi(core, this.#name, {
      events: (rows, count) => this.#take(rows, count),
      ended: (error) => this.#end(-error),
    });
    if (failure !== null) {
      this.#state = "closed";
      this.#condition.fails(reasonOf(failure));
      this.#reconnect.failed();
      return;
    }
    this.#state = "open";
    this.#client = binding.midiClient(core);
    this.#reconnect.connected();
    if (this.#condition.reason !== undefined) this.#condition.succeeds();
    else this.#log.info({ client: this.#client }, `midi: client ${this.#client} of ALSA's sequencer, '${this.#name}'`);
    for (const user of [...this.#ports.keys()]) this.#addPort(user);
  }

  #addPort(user: PortUser): void {
    const { binding, core } = this.#engine;
    const known = this.#ports.get(user);
    const port = known ?? binding.addMidiPort(core, user.name);
    if (port < 0) {
      const reason = getSystemErrorName(port);
      this.#log.error({ instance: user.name, reason }, `${user.name}: no port of ALSA's sequencer: ${reason}`);
      return;
    }
    this.#ports.set(user, port);
    user.opened(port);
  }

  /** The sequencer does not work any more. */
  #end(error: number): void {
    if (this.#state !== "open") return;
    this.#state = "closed";
    this.#engine.binding.closeMidi(this.#engine.core);
    this.#condition.fails(`the connection to ALSA's sequencer has ended: ${getSystemErrorName(error)}`);
    for (const user of [...this.#ports.keys()]) {
      this.#ports.set(user, undefined);
      user.closed();
    }
    this.#reconnect.failed();
  }

  #retry(): void {
    if (this.#state !== "open") return;
    const devices = this.list();
    for (const user of [...this.#ports.keys()]) user.retry(devices);
  }

  #take(rows: Int32Array, count: number): void {
    const users = new Map<number, PortUser>();
    for (const [user, port] of this.#ports) if (port !== undefined) users.set(port, user);
    let changed = false;
    for (let at = 0; at < count * INPUT_COLUMNS; at += INPUT_COLUMNS) {
      const [type = 0, port = 0, client = 0, clientPort = 0, a = 0, b = 0, c = 0, d = 0] = rows.subarray(at, at + 8);
      switch (type) {
        case EVENT.inputLost:
          this.#tellLoss();
          changed = true; // what was lost may have been announcements
          break;
        case EVENT.clientStart:
        case EVENT.clientChange:
        case EVENT.portStart:
        case EVENT.portChange:
          changed = true;
          break;
        case EVENT.clientExit:
        case EVENT.portExit:
          for (const user of this.#ports.keys()) user.gone(a, type === EVENT.portExit ? b : undefined);
          break;
        case EVENT.subscribed:
        case EVENT.unsubscribed:
          for (const user of this.#ports.keys()) {
            user.linked({ client: a, port: b }, { client: c, port: d }, type === EVENT.subscribed);
          }
          break;
        default:
          users.get(port)?.received(type, { client, port: clientPort }, a, b, c);
      }
    }
    if (changed) this.#retry();
  }

  #tellLoss(): void {
    this.#limited.warn(
      "input",
      () => "midi: events were lost: they came faster than they could be handled",
      (more) => `midi: events were lost ${count(more, "more time")}`,
    );
  }
}

function reasonOf({ library, error }: MidiFailure): string {
  if (library !== undefined) {
    return `ALSA's library can't be loaded: ${library}; on Debian: apt-get install alsa-utils`;
  }
  const name = getSystemErrorName(-error);
  const start = `ALSA's sequencer can't be opened: ${name}`;
  if (name === "EACCES" || name === "EPERM") return `${start}; add the user to the group audio`;
  if (name !== "ENOENT") return start;
  return existsSync(DEVICE)
    ? `${start}; ALSA's configuration is missing: on Debian: apt-get install libasound2-data`
    : `${start}; there is no ${DEVICE}: load the kernel's module, modprobe snd-seq`;
}
