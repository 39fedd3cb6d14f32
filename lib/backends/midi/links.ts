import { getSystemErrorName } from "node:util";
import type { Logger } from "../../log/log.js";
import { type DeviceList, describePort, describePorts } from "./devices.js";
import { type Port, showPort } from "./events.js";
import type { Sequencer } from "./sequencer.js";

/** A connection that an option asks for. */
interface Link {
  /** The device, as the option names it. */
  readonly wanted: string;
  /** Whether it is to be sent to. */
  readonly toPeer: boolean;
  /** `apart`: another program has disconnected it, which is respected. */
  state: "waiting" | "connected" | "apart";
  /** What it is or was connected to. */
  peer: Port | undefined;
  /** For people. */
  peerName: string;
  /** The last reason why it waits that was logged. */
  told: string | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** How long it takes, at most, until the end of a port follows that of its connections, in ms. */
const END_OF_PORT = 250;

const EBUSY = -16;
const EPERM = -1;

const samePort = (one: Port | undefined, other: Port) => one?.client === other.client && one.port === other.port;

/** The connections of an instance to the devices that its options name, made when those are there. */
export class Links {
  readonly #name: string;
  readonly #log: Logger;
  readonly #sequencer: Sequencer;
  readonly #links: Link[];
  readonly #sendsTo: (peer: Port) => void;
  #port: number | undefined;

  /**
   * @param name the instance's
   * @param sendsTo called when a connection is made by which it sends
   */
  constructor(
    name: string,
    log: Logger,
    sequencer: Sequencer,
    { read, write }: { readonly read: readonly string[]; readonly write: readonly string[] },
    sendsTo: (peer: Port) => void,
  ) {
    this.#name = name;
    this.#log = log;
    this.#sequencer = sequencer;
    this.#sendsTo = sendsTo;
    const wanted = [...new Set(write)].map((device) => ({ wanted: device, toPeer: true }));
    const all = [...[...new Set(read)].map((device) => ({ wanted: device, toPeer: false })), ...wanted];
    this.#links = all.map((link) => ({
      ...link,
      state: "waiting",
      peer: undefined,
      peerName: "",
      told: undefined,
      timer: undefined,
    }));
  }

  /** For the status: the devices that are connected, and what is waited for. */
  get summary(): { readonly parts: readonly string[]; readonly peers: readonly string[]; readonly waits: boolean } {
    const connected = this.#links.filter(({ state }) => state === "connected");
    const list = (toPeer: boolean, links: readonly Link[], named: (link: Link) => string) =>
      links.filter((link) => link.toPeer === toPeer).map(named);
    const receives = list(false, connected, ({ peerName }) => peerName);
    const sends = list(true, connected, ({ peerName }) => peerName);
    const waiting = this.#links.filter(({ state }) => state === "waiting").map(({ wanted }) => `'${wanted}'`);
    const apart = this.#links.filter(({ state }) => state === "apart").map(({ peerName }) => peerName);
    const parts = [
      receives.length > 0 ? `receives from ${receives.join(", ")}` : "",
      sends.length > 0 ? `sends to ${sends.join(", ")}` : "",
      waiting.length > 0 ? `waits for ${[...new Set(waiting)].join(", ")}` : "",
      apart.length > 0 ? `was disconnected from ${apart.join(", ")}` : "",
    ];
    return {
      parts: parts.filter((part) => part !== ""),
      peers: [...new Set([...receives, ...sends])],
      waits: waiting.length + apart.length > 0,
    };
  }

  /** There is a port to connect. */
  open(port: number): void {
    this.#port = port;
    this.connect();
  }

  /** There is no port any more, and no connection. */
  close(): void {
    this.#port = undefined;
    for (const link of this.#links) {
      clearTimeout(link.timer);
      link.state = "waiting";
      link.told = undefined;
    }
  }

  /** Makes the connections that are still missing. */
  connect(): void {
    for (const link of this.#links) if (link.state === "waiting") this.#connect(link);
  }

  /** Goes on with the connections of an instance that this one replaces; ends those that no option asks for any more. */
  adopt(predecessor: Links): void {
    for (const before of predecessor.#links) {
      clearTimeout(before.timer);
      const link = this.#links.find(({ wanted, toPeer }) => wanted === before.wanted && toPeer === before.toPeer);
      if (link !== undefined) {
        Object.assign(link, { state: before.state, peer: before.peer, peerName: before.peerName, told: before.told });
      } else if (before.state === "connected" && before.peer !== undefined && predecessor.#port !== undefined) {
        this.#sequencer.link(predecessor.#port, before.peer, before.toPeer, false);
      }
    }
    this.#port = predecessor.#port;
  }

  /** The peers that are sent to. */
  receivers(): Port[] {
    return this.#links.flatMap(({ state, toPeer, peer }) =>
      state === "connected" && toPeer && peer !== undefined ? [peer] : [],
    );
  }

  /** Connected ports that are not in a list of all: their end has not been announced. */
  missing(list: DeviceList): Port[] {
    const isThere = (wanted: Port) => list?.some((each) => samePort(each, wanted)) ?? true;
    return this.#links.flatMap(({ state, peer }) =>
      state === "waiting" || peer === undefined || isThere(peer) ? [] : [peer],
    );
  }

  gone(client: number, port: number | undefined): void {
    // It may be connected in both directions.
    const told = new Set<string>();
    for (const link of this.#links) {
      const { peer } = link;
      if (link.state === "waiting" || peer?.client !== client) continue;
      if (port !== undefined && peer.port !== port) continue;
      clearTimeout(link.timer);
      link.state = "waiting";
      link.told = "gone";
      if (told.has(link.peerName)) continue;
      told.add(link.peerName);
      this.#tell("warn", link, `the MIDI device ${link.peerName} is gone; waiting for it`);
    }
  }

  linked(peer: Port, toPeer: boolean, connected: boolean): void {
    for (const link of this.#links) {
      if (link.toPeer !== toPeer || !samePort(link.peer, peer)) continue;
      if (connected && link.state === "apart") this.#isConnected(link, peer);
      else if (!connected && link.state === "connected") this.#isApart(link);
    }
  }

  #connect(link: Link): void {
    if (this.#port === undefined) return;
    const peer = this.#sequencer.find(link.wanted);
    const result = peer === undefined ? undefined : this.#sequencer.link(this.#port, peer, link.toPeer, true);
    if (peer !== undefined && (result === 0 || result === EBUSY)) {
      this.#isConnected(link, peer);
      return;
    }
    const what = link.toPeer ? "to send to" : "to receive from";
    if (peer !== undefined && result === EPERM) {
      const refusal = `${describePort(peer, this.#sequencer.list())} is not a MIDI device ${what}`;
      this.#tellWaiting(link, "refused", `${refusal}: it does not allow the connection`);
      return;
    }
    // The device is not there: it has no port yet. Other errors are not worth telling apart.
    if (link.told === "gone") return;
    const others = describePorts(this.#sequencer.list(), this.#sequencer.client, link.toPeer);
    const why = result === undefined || result >= 0 ? "" : ` (${getSystemErrorName(result)})`;
    const ending = others === undefined ? "" : `; ${others}`;
    this.#tellWaiting(link, "missing", `waits for a MIDI device '${link.wanted}' ${what}${why}${ending}`);
  }

  #isConnected(link: Link, peer: Port): void {
    clearTimeout(link.timer);
    const again = link.peer !== undefined;
    link.state = "connected";
    link.peer = peer;
    link.peerName = describePort(peer, this.#sequencer.list());
    link.told = undefined;
    this.#tell("info", link, `${link.toPeer ? "sends to" : "receives from"} ${link.peerName}${again ? " again" : ""}`);
    if (link.toPeer) this.#sendsTo(peer);
  }

  #isApart(link: Link): void {
    link.state = "apart";
    // A port that ends loses its connections first.
    link.timer = setTimeout(() => {
      if (link.state === "apart") {
        this.#tell("warn", link, `was disconnected from ${link.peerName} by another program, and leaves it so`);
      }
    }, END_OF_PORT).unref();
  }

  #tellWaiting(link: Link, reason: string, message: string): void {
    if (link.told === reason) return;
    link.told = reason;
    this.#tell("warn", link, message);
  }

  #tell(level: "info" | "warn", { wanted, peer }: Link, message: string): void {
    const fields = { instance: this.#name, device: wanted, ...(peer && { peer: showPort(peer) }) };
    this.#log[level](fields, `${this.#name}: ${message}`);
  }
}
