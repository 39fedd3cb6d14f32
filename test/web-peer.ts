// Clients of pages: by WebSocket, and raw HTTP with headers that fetch() does not allow.
import { request } from "node:http";
import { WebSocket } from "ws";
import { Waiting } from "./waiting.js";

export type Received = Record<string, unknown> & { readonly type: string };

const peers: WebSocketPeer[] = [];

/** Ends all that are still connected. */
export function endPeers(): void {
  for (const peer of peers.splice(0)) peer.socket.terminate();
}

export class WebSocketPeer {
  readonly received: Received[] = [];
  /** Set once it is closed: the code and the reason, or the status of a refusal. */
  closed: { readonly code: number; readonly reason: string } | undefined;
  readonly socket: WebSocket;
  readonly #waiting = new Waiting();

  constructor(
    url: string,
    options: { origin?: string; headers?: Record<string, string>; protocols?: string[]; localAddress?: string } = {},
  ) {
    const { protocols = ["mmpy.v1"], ...rest } = options;
    this.socket = new WebSocket(url, protocols, rest);
    peers.push(this);
    this.socket.on("message", (data: Buffer) => {
      this.received.push(JSON.parse(String(data)));
      this.#waiting.changed();
    });
    this.socket.on("unexpected-response", (_request, response) => {
      this.#close(response.statusCode ?? 0, "refused");
      response.destroy();
    });
    this.socket.on("error", () => {});
    this.socket.on("close", (code, reason) => this.#close(code, String(reason)));
    this.socket.on("open", () => this.#waiting.changed());
  }

  #close(code: number, reason: string): void {
    this.closed ??= { code, reason };
    this.#waiting.changed();
  }

  send(message: object | string): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** Resolves with a message of a type, for which a condition holds. */
  until(type: string, holds: (message: Received) => boolean = () => true): Promise<Received> {
    return this.#waiting.until(() => {
      if (this.closed !== undefined && !this.received.some((each) => each.type === type && holds(each))) {
        throw new Error(`closed with ${this.closed.code} ${this.closed.reason} without '${type}'`);
      }
      return this.received.find((each) => each.type === type && holds(each));
    });
  }

  /** The last value that it was told of a channel. */
  value(id: number): number | undefined {
    for (const { type, v } of this.received.toReversed()) {
      if (type !== "values" && type !== "state") continue;
      const all = v as number[];
      for (let i = 0; i < all.length; i += 2) if (all[i] === id) return all[i + 1];
    }
    return undefined;
  }

  /** Resolves once it knows a channel's value to be this. */
  async sees(id: number, value: number): Promise<void> {
    await this.#waiting.until(() => (this.value(id) === value ? true : undefined));
  }

  async opened(): Promise<void> {
    await this.#waiting.until(() => (this.socket.readyState === WebSocket.OPEN || this.closed ? true : undefined));
  }

  /** Resolves with the code it is closed with; the status, if it is refused. */
  async ends(): Promise<number> {
    return this.#waiting.until(() => this.closed?.code);
  }

  /** Resolves once all that was sent before has been handled. */
  async settles(): Promise<void> {
    const before = this.received.filter(({ type }) => type === "pong").length;
    this.send({ type: "ping" });
    await this.#waiting.until(() =>
      this.received.filter(({ type }) => type === "pong").length > before ? true : undefined,
    );
  }
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
}

/** A request with exactly these headers. */
export function ask(
  url: string,
  { method = "GET", headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
