/** External traffic: datagrams, whose answers must come back in order, and lines of text over TCP. */
import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const CHANNELS = 16;
const TIMEOUT = 20_000; // ms, for answers

function below(limit: number): number {
  return Math.floor(Math.random() * limit);
}

function event(): [channel: number, value: number] {
  return [1 + below(CHANNELS), below(1025) / 1024];
}

export class Traffic {
  datagrams = 0;
  lines = 0;
  connections = 0;
  /** The last value sent over TCP, by channel. */
  readonly last = new Array<number>(CHANNELS).fill(0);
  readonly #udp: DatagramSocket;
  readonly #tcpPort: number;
  readonly #pending: string[] = [];
  #wrong: string | undefined;
  #answered: (() => void) | undefined;
  #tcp: Socket | undefined;

  private constructor(udp: DatagramSocket, tcpPort: number) {
    this.#udp = udp;
    this.#tcpPort = tcpPort;
    udp.on("error", () => {}); // the peer is gone, which shows by its missing answer
    udp.on("message", (message) => {
      const [channel, value] = message.toString().split(" ");
      const answer = `${channel} ${Number(value)}`;
      const expected = this.#pending.shift();
      if (answer !== expected) this.#wrong ??= `the answer was '${answer}', expected '${expected}'`;
      if (this.#pending.length === 0 || this.#wrong !== undefined) this.#answered?.();
    });
  }

  static async open({ udp, tcp }: { udp: number; tcp: number }): Promise<Traffic> {
    const socket = createSocket("udp4");
    socket.connect(udp, "127.0.0.1");
    await once(socket, "connect");
    return new Traffic(socket, tcp);
  }

  /** Performs a random action. */
  async act(): Promise<void> {
    const choice = Math.random();
    if (choice < 0.45) await this.#burst(1 + below(64));
    else if (choice < 0.85) await this.#write(1 + below(200));
    else if (choice < 0.88) await this.#hangUp();
    else await sleep(below(50));
  }

  /** Sends a command, which has no answer. */
  send(command: "stop" | "report"): void {
    this.#udp.send(command);
  }

  /** Resolves when all data sent has been read. */
  async settle(): Promise<void> {
    await this.#hangUp();
  }

  close(): void {
    this.#tcp?.destroy();
    this.#udp.close();
  }

  async #burst(size: number): Promise<void> {
    const events = Array.from({ length: size }, event);
    this.#pending.push(...events.map(([channel, value]) => `${channel} ${value}`));
    const answered = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), TIMEOUT).unref();
      this.#answered = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
    for (const [channel, value] of events) this.#udp.send(`${channel} ${value}`);
    const inTime = await answered;
    if (this.#wrong !== undefined) throw new Error(this.#wrong);
    if (!inTime) throw new Error(`${this.#pending.length} of ${size} datagrams had no answer within ${TIMEOUT} ms`);
    this.datagrams += size;
  }

  async #write(lines: number): Promise<void> {
    const socket = this.#tcp ?? (await this.#dial());
    const events = Array.from({ length: lines }, event);
    const text = events.map(([channel, value]) => `${channel} ${value}\n`).join("");
    const cut = below(text.length); // in two pieces, split at random
    socket.write(text.slice(0, cut));
    if (!socket.write(text.slice(cut))) await once(socket, "drain", { signal: AbortSignal.timeout(TIMEOUT) });
    for (const [channel, value] of events) this.last[channel - 1] = value;
    this.lines += lines;
  }

  async #dial(): Promise<Socket> {
    const socket = connect(this.#tcpPort, "127.0.0.1");
    await once(socket, "connect");
    socket.resume().on("error", () => {});
    ++this.connections;
    this.#tcp = socket;
    return socket;
  }

  /** Resolves when the peer has read everything and closed its end too. */
  async #hangUp(): Promise<void> {
    const socket = this.#tcp;
    if (socket === undefined) return;
    this.#tcp = undefined;
    const closed = once(socket, "close", { signal: AbortSignal.timeout(TIMEOUT) });
    socket.end();
    await closed;
  }
}
