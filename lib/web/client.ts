// A WebSocket client of a site, with its limits. Nothing waits for one: whatever it does not read in time is left out.
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { Role } from "./access.js";
import { Allowance, LIMITS, TIMES } from "./limits.js";

/** Codes of closing; docs/web-api.md lists them. */
export const CLOSE = { stop: 1001, refused: 1008, slow: 1013, token: 4401 } as const;

/** A message from a client: a JSON object. */
export type Message = Readonly<Record<string, unknown>> & { readonly type: string };

/** Counters of a site, from its start. */
export interface Counters {
  /** Clients that were disconnected because of a limit. */
  dropped: number;
  received: number;
  sent: number;
}

export class Client {
  /** Set once it is authorised. */
  role: Role = "view";
  /** When it last sent a message, in ms of `performance.now()`. */
  heard: number;
  readonly #websocket: WebSocket;
  readonly #socket: Socket;
  readonly #counters: Counters;
  readonly #messages: Allowance;
  readonly #values: Allowance;
  #sign: number;
  #pinged: number;
  #flushed = 0;
  #progress: number;
  /** What is sent once it has read what it was sent before. */
  readonly #later = new Map<string, () => void>();
  readonly #catchUp = () => {
    const all = [...this.#later];
    this.#later.clear();
    for (const [what, work] of all) this.whenRead(what, work);
  };

  /** @param id unique within the process @param address of the peer */
  constructor(
    readonly id: number,
    readonly address: string,
    websocket: WebSocket,
    socket: Socket,
    counters: Counters,
  ) {
    const now = performance.now();
    this.#websocket = websocket;
    this.#socket = socket;
    this.#counters = counters;
    this.#messages = new Allowance(LIMITS.messages, now);
    this.#values = new Allowance(LIMITS.values, now);
    this.heard = now;
    this.#sign = now;
    this.#pinged = now;
    this.#progress = now;
    websocket.on("pong", () => {
      this.#sign = performance.now();
    });
    websocket.on("ping", () => {
      if (this.isOpen) this.#allows(performance.now());
    });
  }

  get isOpen(): boolean {
    return this.#websocket.readyState === this.#websocket.OPEN;
  }

  /** Whether too much is waiting for it: note values instead of sending them, and send the newest once this is false. */
  get lags(): boolean {
    return this.#later.size > 0 || this.#websocket.bufferedAmount > LIMITS.buffered;
  }

  /**
   * Does something that sends a lot: at once, or when the client has read what it was sent before, so that one that asks and does
   * not read takes no memory.
   *
   * @param what names the work: work of this name that still waits is replaced
   */
  whenRead(what: string, work: () => void): void {
    if (!this.lags) {
      work();
      return;
    }
    if (this.#later.size === 0) this.#socket.once("drain", this.#catchUp);
    this.#later.delete(what); // it goes to the end of the order
    this.#later.set(what, work);
  }

  /** Sends text, or bytes as a binary message, which must not change any more. Does nothing once it is closed. */
  send(data: string | Uint8Array): void {
    if (!this.isOpen) return;
    this.#counters.sent++;
    this.#websocket.send(data, { binary: typeof data !== "string" }, ignore);
  }

  /** Sends an object as JSON. */
  tell(message: { readonly type: string } & Readonly<Record<string, unknown>>): void {
    this.send(JSON.stringify(message));
  }

  /** @param seq of the message that the error is about */
  error(code: string, message: string, seq?: unknown): void {
    this.tell({ type: "error", code, message, ...(typeof seq === "number" && { seq }) });
  }

  /** Counts values that it has sent; closes it if they are too many. @returns whether they are allowed */
  countValues(count: number): boolean {
    if (this.#values.take(count, performance.now())) return true;
    this.drop(CLOSE.refused, `more than ${LIMITS.values} values a second`);
    return false;
  }

  /** Says why, then closes it. @param again whether it is worth trying to connect again */
  close(code: number, reason: string, again: boolean): void {
    this.tell({ type: "bye", reason, again });
    this.#websocket.close(code, reason);
  }

  /** Closes it because of a limit. */
  drop(code: number, reason: string): void {
    if (!this.isOpen) return;
    this.#counters.dropped++;
    this.close(code, reason, code === CLOSE.slow);
  }

  /** Counts a message. @returns whether it is allowed @internal */
  receives(): boolean {
    const now = performance.now();
    this.heard = now;
    this.#sign = now;
    this.#counters.received++;
    return this.#allows(now);
  }

  #allows(now: number): boolean {
    if (this.#messages.take(1, now)) return true;
    this.drop(CLOSE.refused, `more than ${LIMITS.messages} messages a second`);
    return false;
  }

  /** Closes it if it does not read, or has vanished without closing the connection. Called every second. @internal */
  look(now: number): void {
    const waiting = this.#socket.writableLength;
    const flushed = this.#socket.bytesWritten - waiting;
    if (waiting === 0 || flushed > this.#flushed) this.#progress = now;
    this.#flushed = flushed;
    if (now - this.#progress >= TIMES.stalled) this.drop(CLOSE.slow, "it does not read what is sent");
    else if (now - this.#sign >= TIMES.silent) this.end();
    else if (now - this.#pinged >= TIMES.ping && this.isOpen) {
      this.#pinged = now;
      this.#websocket.ping(undefined, undefined, ignore);
    }
  }

  /** Ends the connection at once. @internal */
  end(): void {
    this.#websocket.terminate();
  }
}

/** What could not be sent does not matter: the connection's end is noticed anyway. */
function ignore(): void {}
