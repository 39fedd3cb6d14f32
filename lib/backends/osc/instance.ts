import { count } from "../../count.js";
import type { Channel, DeclaredInstance, EventBatch, InstanceSetup, InstanceStatus } from "../instance.js";
import type { DetectLog } from "../shared/detect-log.js";
import { EventBuffer } from "../shared/event-buffer.js";
import { type Endpoint, showPeer, WILDCARD } from "../shared/hosts.js";
import { LimitedLog } from "../shared/limited-log.js";
import { type Silence, silenceOf } from "../shared/silence.js";
import { UdpSocket } from "../shared/udp.js";
import { UdpTarget } from "../shared/udp-target.js";
import { Decoder, FAULTS, type Fault, type Receiver } from "./decode.js";
import { DirectOutput } from "./direct-output.js";
import { type IncomingPath, IncomingPaths, type Slot } from "./incoming.js";
import type { instanceOptions } from "./index.js";
import { OutgoingPaths } from "./outgoing.js";
import type { OscChannel, PathFormat } from "./path.js";
import { sharingWarning } from "./sharing.js";
import { defaultMax, isConstant, levelOf } from "./values.js";

type Setup = InstanceSetup<typeof instanceOptions, PathFormat>;

/** What is asked for, in bytes, for faders that arrive in hundreds while Python computes; the system may give less. */
const RECEIVE_BUFFER = 1 << 20;

const NONE: readonly IncomingPath[] = [];

export class OscInstance implements DeclaredInstance<typeof instanceOptions, OscChannel, PathFormat>, Receiver {
  readonly native: { readonly number: number };
  readonly #setup: Setup;
  readonly #detect: DetectLog | undefined;
  readonly #incoming: IncomingPaths;
  readonly #outgoing = new OutgoingPaths();
  readonly #direct: DirectOutput;
  readonly #decoder = new Decoder();
  readonly #problems: LimitedLog;
  readonly #targets: UdpTarget[] = [];
  readonly #keepalives: NodeJS.Timeout[] = [];
  /** The target whose address is that of the last message's sender. */
  readonly #learnt: UdpTarget | undefined;
  readonly #silence: Silence;
  readonly #sendToAll = (message: Buffer): void => this.#send(message, this.#targets);
  #socket: UdpSocket | undefined;
  #from: Endpoint | undefined;
  /** Whether the datagram being read has had a message. */
  #heard = false;
  #lastData: number | undefined;
  #faults = 0;
  /** Of the datagram being read. */
  readonly #events: EventBuffer;

  /** @param detect undefined if option `detect` is off */
  constructor(setup: Setup, detect: DetectLog | undefined) {
    this.#setup = setup;
    this.#incoming = new IncomingPaths(setup.now);
    this.#events = new EventBuffer(setup.emitBatch);
    this.#detect = detect;
    const { name, log, options, engine } = setup;
    this.native = { number: engine.binding.addJavascript(engine.core) };
    this.#direct = new DirectOutput(engine, this.native.number);
    this.#problems = new LimitedLog(log, { instance: name });
    this.#silence = silenceOf(setup, () => this.#incoming.channels());
    const { destination, also } = options;
    const target = { owner: name, log, unit: "message" };
    if (destination !== undefined && "learn" in destination) this.#learnt = new UdpTarget(target);
    const fixed = destination === undefined || "learn" in destination ? also : [destination, ...also];
    for (const address of fixed) {
      const made: UdpTarget = new UdpTarget({ ...target, address, resolved: () => this.#reached([made]) });
      this.#targets.push(made);
    }
    if (this.#learnt !== undefined) this.#targets.push(this.#learnt);
  }

  connect(channels: readonly Channel<OscChannel>[]): [] {
    this.#direct.end();
    for (const channel of channels) {
      if (channel.use === "input") this.#outgoing.connect(channel);
      else this.#incoming.connect(channel);
    }
    this.#readPlainly();
    return [];
  }

  disconnect(channels: readonly Channel<OscChannel>[]): void {
    this.#direct.end();
    for (const { index, use } of channels) {
      if (use === "input") this.#outgoing.disconnect(index);
      else this.#incoming.disconnect(index);
    }
    this.#readPlainly();
  }

  /** The last values stay known, so that no argument jumps to 0 with the next event for another one; so does the learnt peer. */
  takeOver(predecessor: DeclaredInstance<typeof instanceOptions, OscChannel, PathFormat>): void {
    if (!(predecessor instanceof OscInstance)) return;
    this.#outgoing.adopt(predecessor.#outgoing);
    this.#silence.adopt(predecessor.#silence);
    const learnt = predecessor.#learnt?.endpoint;
    if (learnt !== undefined && samePort(this.#setup, predecessor.#setup)) this.#learnt?.follow(learnt);
  }

  async start(): Promise<void> {
    const { name, log, options } = this.#setup;
    const { bind, keepalive } = options;
    if (bind === undefined && this.#targets.length === 0) return;
    this.#socket = new UdpSocket({
      owner: name,
      // To send, any free port will do; answers arrive there too.
      host: bind?.host ?? WILDCARD,
      port: bind?.port ?? 0,
      interface: bind?.keys.interface,
      receiveBuffer: RECEIVE_BUFFER,
      log,
      receive: (data, from) => this.#receive(data, from),
      opened: () => {
        const bound = this.#socket?.bound;
        const shared =
          bind === undefined || bound === undefined ? undefined : sharingWarning(name, bound.address, bound.port);
        if (shared !== undefined) log.warn({ instance: name }, shared);
        this.#readPlainly();
        this.#reached(this.#targets);
      },
    });
    // Before the wait for the socket, during which the instance may be stopped.
    for (const { seconds, message } of keepalive) {
      const send = () => this.#send(message, this.#targets);
      this.#keepalives.push(setInterval(send, seconds * 1000).unref());
    }
    // Names are looked up while the socket opens: neither keeps the start waiting.
    for (const target of this.#targets) void target.resolve();
    await this.#socket.open();
  }

  /** Gets what the addon can't send by itself. */
  handle(batch: EventBatch): void {
    this.#direct.end();
    this.#outgoing.take(batch);
    this.#outgoing.sendChanged(this.#sendToAll);
    // A peer that is to be learnt may be another one with each message.
    if (this.#learnt === undefined) this.#direct.begin(this.#outgoing, this.#targets, this.#socket);
  }

  async stop(): Promise<void> {
    this.#direct.end();
    for (const timer of this.#keepalives.splice(0)) clearInterval(timer);
    for (const target of this.#targets) target.close();
    this.#problems.close();
    this.#silence.close();
    await this.#socket?.close();
    this.#socket = undefined;
  }

  status(): InstanceStatus {
    const socket = this.#socket;
    const problem = socket?.problem ?? this.#targets.find(({ condition }) => condition.reason)?.condition.reason;
    const waits = this.#learnt !== undefined && this.#learnt.endpoint === undefined;
    const peers = this.#targets.filter(({ endpoint }) => endpoint !== undefined).map(({ text }) => text);
    const lastData = this.#heardLast;
    const parts: string[] = [];
    if (problem !== undefined) parts.push(problem);
    if (this.#setup.options.bind && socket?.bound) {
      parts.push(`listens on ${showPeer(socket.bound)}`);
    }
    if (peers.length > 0) parts.push(`sends to ${peers.join(", ")}`);
    if (waits) parts.push("sends to the first peer it hears from");
    if (this.#faults > 0) parts.push(`${count(this.#faults, "faulty message")} received`);
    return {
      state: problem === undefined && !waits ? "ok" : "waiting",
      text: parts.join("; ") || "neither listens nor sends",
      ...(peers.length > 0 && { peers }),
      ...(lastData !== undefined && { lastData }),
      lost: this.#targets.reduce((sum, { condition }) => sum + condition.lost, 0),
    };
  }

  /** A message of the datagram being read; the decoder holds it. */
  message(): void {
    if (!this.#heard) {
      this.#heard = true;
      // Not before: a datagram without a message, as from a scan of ports, would take all values away from the peer.
      if (this.#learnt !== undefined && this.#from !== undefined) this.#learn(this.#learnt, this.#from);
    }
    const path = this.#incoming.of(this.#decoder);
    if (path !== undefined) {
      if (this.#detect !== undefined) this.#tell(this.#detect, "");
      this.#deliver(path);
      return;
    }
    const matching = this.#decoder.isPattern ? this.#incoming.matching(this.#decoder.address) : NONE;
    if (this.#detect !== undefined) this.#tell(this.#detect, matching.length === 0 ? " (not mapped)" : "");
    if (typeof matching === "string") {
      this.#refuse("patterns", matching);
      return;
    }
    for (const each of matching) this.#deliver(each);
  }

  fault(fault: Fault): void {
    const { name } = this.#setup;
    this.#faults++;
    if (this.#detect !== undefined) this.#tellFault(this.#detect, fault);
    this.#problems.warn(
      fault,
      () => `${name}: a message from ${this.#sender} can't be read: ${FAULTS[fault]}`,
      (more) =>
        `${name}: ${count(more, "more message")} could not be read, the last from ${this.#sender}: ${FAULTS[fault]}`,
    );
  }

  #receive(data: Buffer, from: Endpoint): void {
    this.#lastData = Date.now();
    this.#silence.end();
    this.#from = from;
    this.#heard = false;
    this.#incoming.nextDatagram();
    this.#decoder.read(data, this);
    this.#events.flush();
  }

  /** Has the addon read messages that need nothing of what is here: it takes a fraction of the time. */
  #readPlainly(): void {
    const { engine, options } = this.#setup;
    const socket = this.#socket;
    if (socket === undefined || socket.number < 0) return;
    if (this.#detect !== undefined || this.#learnt !== undefined || options.timeout > 0) return;
    const { addresses, rows } = this.#incoming.plain();
    engine.binding.readOsc(engine.core, socket.number, this.native.number, addresses, rows);
  }

  /** When something last came, in ms since 1970. */
  get #heardLast(): number | undefined {
    const age = this.#setup.engine.binding.oscAge(this.#socket?.number ?? -1);
    return age < 0 ? this.#lastData : Math.max(Date.now() - age, this.#lastData ?? 0);
  }

  #learn(target: UdpTarget, from: Endpoint): void {
    const { name, log, options } = this.#setup;
    const { destination } = options;
    const port = (destination !== undefined && "learn" in destination ? destination.port : undefined) ?? from.port;
    const { endpoint: before, text: old } = target;
    if (before?.address === from.address && before.port === port) return;
    target.follow({ ...from, port });
    if (before === undefined) {
      log.info({ instance: name, peer: target.text }, `${name}: sends to ${target.text}, from where a message came`);
      this.#reached([target]);
      return;
    }
    this.#problems.info(
      "peer",
      () => `${name}: sends to ${target.text} and no longer to ${old}, as a message came from there`,
      (more) => `${name}: sends to ${target.text}, after ${count(more, "more change")} of the peer`,
    );
  }

  #deliver({ format, slots }: IncomingPath): void {
    const { count: given } = this.#decoder;
    const wanted = format?.arguments.length;
    if (wanted !== undefined && wanted !== given) {
      this.#refuse("number", `it has ${count(given, "argument")}, the configuration says ${wanted}`);
      return;
    }
    const isTrigger = given === 0 || format?.variables.length === 0;
    for (const slot of slots) {
      const value = isTrigger ? this.#triggerFor(slot) : this.#valueFor(slot);
      if (value !== undefined) this.#events.put(slot.channel, value);
    }
  }

  /** A message whose arrival is all that counts: 1, unless it says false. */
  #triggerFor({ position }: Slot): number | undefined {
    if (position > 0) return undefined;
    return this.#decoder.count > 0 && this.#decoder.numbers[0] === 0 ? 0 : 1;
  }

  /** The value of an argument; undefined if it has none. */
  #valueFor({ position, limits }: Slot): number | undefined {
    const { readable, types, numbers } = this.#decoder;
    if (position >= readable) return undefined;
    const [type, number] = [types[position] as number, numbers[position] as number];
    if (isConstant(type)) return number;
    const max = defaultMax(type);
    if (max === undefined) return undefined; // a text or another type without a number
    const value = levelOf(limits?.min ?? 0, limits?.max ?? max, number);
    if (!Number.isNaN(value)) return value;
    this.#refuse("nan", "an argument is not a number (NaN)");
    return undefined;
  }

  #refuse(kind: string, reason: string): void {
    const { name } = this.#setup;
    this.#faults++;
    this.#problems.warn(
      kind,
      () => `${name}: a message to ${this.#address} from ${this.#sender} is ignored: ${reason}`,
      (more) => `${name}: ${count(more, "more message")} ignored, the last to ${this.#address}: ${reason}`,
    );
  }

  get #sender(): string {
    return this.#from === undefined ? "?" : showPeer(this.#from);
  }

  /** The message's address, for the log. */
  get #address(): string {
    const { address } = this.#decoder;
    return JSON.stringify(address.length > 100 ? `${address.slice(0, 100)}…` : address).slice(1, -1);
  }

  #tell(detect: DetectLog, note: string): void {
    const { name, now } = this.#setup;
    const { address, count: given, types, numbers } = this.#decoder;
    detect.tell(`${name} ${address}`, now(), { instance: name, peer: this.#sender }, () => {
      const few = types.slice(0, Math.min(given, 32));
      const shown = few.map((type, i) => (defaultMax(type) === undefined ? "" : ` ${numbers[i]}`));
      const letters = String.fromCharCode(...few);
      const values = letters === "" ? "" : ` ${letters}${shown.join("")}`;
      return `${name}: received ${this.#address}${values} from ${this.#sender}${note}`;
    });
  }

  /** Besides the warning, which does not come for each: who sends it, and how it begins. */
  #tellFault(detect: DetectLog, fault: Fault): void {
    const { name, now } = this.#setup;
    const beginning = this.#decoder.beginning;
    detect.tell(`${name} ${this.#sender} ${fault}`, now(), { instance: name, peer: this.#sender, fault }, () => {
      return `${name}: received what can't be read from ${this.#sender}: ${beginning} (${FAULTS[fault]})`;
    });
  }

  /** Targets can be sent to, which was not so before: they get all last values. */
  #reached(targets: readonly UdpTarget[]): void {
    this.#direct.end();
    for (const { message } of this.#setup.options.keepalive) this.#send(message, targets);
    for (const message of this.#outgoing.all()) this.#send(message, targets);
  }

  /** Sends a message to all that can be sent to at the moment; the others get the last values when they can. */
  #send(message: Buffer, targets: readonly UdpTarget[]): void {
    const socket = this.#socket;
    if (socket?.bound === undefined) return;
    for (const target of targets) {
      if (target.endpoint === undefined) continue;
      socket.send(message, target);
      // Whether it works again is to be seen from each message.
      if (target.condition.reason !== undefined) this.#direct.end();
    }
  }
}

/** Whether both learn their peers' addresses in the same way. */
function samePort({ options: { destination: one } }: Setup, { options: { destination: other } }: Setup): boolean {
  return one !== undefined && other !== undefined && one.port === other.port;
}
