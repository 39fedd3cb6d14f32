// Peers of Art-Net and sACN on addresses of this machine alone, which no other test process uses.
import { createSocket, type Socket } from "node:dgram";
import { Rig } from "./desk-backend.js";
import { ProbeBackend, type ProbeInstance } from "./probe-backend.js";
import { Waiting } from "./waiting.js";

const { pid } = process;

/** An address of the loopback network: `address(2)` is another one than `address(1)`. */
export function address(number: number): string {
  return `127.${1 + (pid % 250)}.${Math.floor(pid / 250) % 256}.${number}`;
}

/** A port that no other test process uses, for what goes to everybody: broadcasts reach all addresses of the loopback network. */
export const OWN_PORT = 20_000 + (pid % 12_000);

export interface Datagram {
  readonly data: Buffer;
  readonly host: string;
  readonly port: number;
}

const peers: Peer[] = [];

/** A socket that keeps what it gets, and can be waited on. */
export class Peer {
  readonly received: Datagram[] = [];
  readonly #waiting = new Waiting();

  private constructor(readonly socket: Socket) {
    socket.on("message", (data, { address: host, port }) => {
      this.received.push({ data, host, port });
      this.#waiting.changed();
    });
    peers.push(this);
  }

  static async at(host: string, port: number): Promise<Peer> {
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    const peer = new Peer(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(port, host, resolve);
    });
    return peer;
  }

  send(data: Uint8Array | string, host: string, port: number): Promise<void> {
    const bytes = typeof data === "string" ? Buffer.from(data.replaceAll(" ", ""), "hex") : data;
    return new Promise((resolve, reject) => {
      this.socket.send(bytes, port, host, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Resolves with the first datagram, after so many, for which a condition holds. */
  until(holds: (data: Buffer, from: string) => boolean, after = 0): Promise<Buffer> {
    return this.#waiting.until(() => this.received.slice(after).find(({ data, host }) => holds(data, host))?.data);
  }

  /** Resolves once so many datagrams have come. */
  count(count: number): Promise<readonly Datagram[]> {
    return this.#waiting.until(() => (this.received.length >= count ? this.received : undefined));
  }
}

const { now } = performance;

/** Stops the monotonic clock for the rest of a test. @returns a function that moves it on, by ms */
export function stopClock(): (by: number) => void {
  let time = performance.now();
  performance.now = () => time;
  return (by) => {
    time += by;
  };
}

afterEach(() => {
  performance.now = now;
  for (const { socket } of peers.splice(0)) socket.close();
});

/** A router on a configuration, with an instance `probe`. */
export class DmxRig extends Rig {
  readonly #probes: ProbeBackend;

  constructor(config: string) {
    const probes = new ProbeBackend();
    super(`${config}\n[probe probe]\n`, [probes]);
    this.#probes = probes;
  }

  static async started(config: string): Promise<DmxRig> {
    const rig = new DmxRig(config);
    await rig.router.start();
    return rig;
  }

  override reload(config: string) {
    return super.reload(`${config}\n[probe probe]\n`);
  }

  get probe(): ProbeInstance {
    const probe = this.#probes.instances.get("probe");
    if (probe === undefined) throw new Error("the router is not loaded");
    return probe;
  }

  /** What {@link Router.describe} says of an instance. */
  status(name: string) {
    return this.router.describe().instances.find((each) => each.name === name)?.status;
  }
}

/** What an Art-Net node answers to a poll that outputs one universe. */
export function replyOf(name: string, universe: number): Buffer {
  const reply = Buffer.alloc(239);
  Buffer.from("4172742d4e6574000021", "hex").copy(reply);
  reply.writeUInt16LE(6454, 14);
  reply[19] = universe >> 4;
  reply.write(name, 26);
  reply.writeUInt16BE(1, 172);
  reply[174] = 0x80;
  reply[190] = universe & 15;
  return reply;
}

/** `7f 00…` with zeros to a length, as hex. */
export function padded(hex: string, length: number): string {
  return hex.replaceAll(" ", "").padEnd(2 * length, "0");
}

/** A universe of sACN that no other test process uses: multicast groups are the machine's. */
export function universe(number: number): number {
  return 1 + ((pid * 16 + number) % 63_000);
}
