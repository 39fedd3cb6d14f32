// The connection of `mmpy monitor` to a router: it is made again when it is lost.
import { WebSocket } from "ws";
import { codeOf, MEANINGS } from "../../backends/shared/error-codes.js";
import { MidimonsterError } from "../../errors.js";

export const DEFAULT_URL = "http://127.0.0.1:8099";

/** Seconds before each attempt after the connection was lost; then the last one again and again. */
const DELAYS = [0.5, 1, 2, 4, 8];
const SPREAD = 0.2;
/** Without any message or ping, in ms: the server pings every ten seconds. */
const SILENCE = 25_000;
const HANDSHAKE = 5000; // ms

export interface MonitorUrl {
  /** Of the WebSocket. */
  readonly socket: string;
  /** For messages: without the token. */
  readonly shown: string;
  readonly token: string | undefined;
}

/** @throws {MidimonsterError} `USAGE` */
export function parseUrl(written: string): MonitorUrl {
  const text = /^\d+$/.test(written) ? `127.0.0.1:${written}` : written;
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url === undefined || !["http:", "https:", "ws:", "wss:"].includes(url.protocol)) {
    throw new MidimonsterError(
      "USAGE",
      `the monitor's URL is like ${DEFAULT_URL}, as the router prints it, not '${written}'`,
    );
  }
  const token = new URLSearchParams(url.hash.slice(1)).get("token") ?? undefined;
  const secure = url.protocol === "https:" || url.protocol === "wss:";
  const path = url.pathname.endsWith("/") ? url.pathname : `${url.pathname}/`;
  return {
    socket: `${secure ? "wss" : "ws"}://${url.host}${path}ws`,
    shown: `${secure ? "https" : "http"}://${url.host}${url.pathname}`,
    token,
  };
}

export interface ConnectionListener {
  /** It is connected: what is to be asked for can be sent. */
  opened(send: (message: object) => void): void;
  message(message: Readonly<Record<string, unknown>>): void;
  /** It has been lost, and is made again in so many ms. */
  lost(why: string, delay: number): void;
}

export class Connection {
  readonly #url: MonitorUrl;
  readonly #listener: ConnectionListener;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #attempt = 0;
  #wasOpen = false;
  #ended = false;
  #fail: (error: Error) => void = () => {};
  #end: () => void = () => {};

  constructor(url: MonitorUrl, listener: ConnectionListener) {
    this.#url = url;
    this.#listener = listener;
  }

  /**
   * Connects, and stays connected until {@link end}.
   *
   * @throws {MidimonsterError} if the first attempt fails, or the server refuses
   */
  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
      this.#connect();
    });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#socket?.removeAllListeners();
    this.#socket?.on("error", () => {}); // of a connection that is not made yet
    this.#socket?.terminate();
    this.#end();
  }

  send(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #connect(): void {
    const options = { perMessageDeflate: false, handshakeTimeout: HANDSHAKE, maxPayload: 64 * 2 ** 20 };
    const socket = new WebSocket(this.#url.socket, ["mmpy.v1"], options);
    this.#socket = socket;
    let problem = "the connection was closed";
    let silence: NodeJS.Timeout | undefined;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => socket.terminate(), SILENCE).unref();
    };
    socket.on("open", () => {
      heard();
      // Where a token is needed, anything else is refused at once; otherwise it would be waited for.
      this.send(this.#url.token === undefined ? { type: "ping" } : { type: "auth", token: this.#url.token });
    });
    socket.on("ping", heard);
    socket.on("message", (data: Buffer, isBinary) => {
      heard();
      if (isBinary) return;
      const message = parse(data);
      if (message === undefined) {
        this.#failed("what answers there is not a monitor");
        return;
      }
      if (message.type === "hello") {
        this.#attempt = 0;
        this.#wasOpen = true;
        this.#listener.opened((asked) => this.send(asked));
      }
      if (message.type === "bye") problem = String(message.reason);
      this.#listener.message(message);
    });
    socket.on("unexpected-response", (_request, response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => this.#refused(response.statusCode ?? 0, Buffer.concat(chunks).toString("utf8")));
      response.on("error", () => this.#lost("the answer broke off"));
    });
    socket.on("error", (error) => {
      problem = MEANINGS[codeOf(error) ?? ""] ?? error.message;
    });
    socket.on("close", (code) => {
      clearTimeout(silence);
      if (code === 4401) this.#refused(401, "");
      else if (code === 1008) this.#failed(`it has closed the connection: ${problem}`);
      else this.#lost(problem);
    });
  }

  #refused(status: number, body: string): void {
    if (status >= 500 && this.#wasOpen) {
      this.#lost(`it answers with ${status}`);
      return;
    }
    if (status === 401) {
      const why = this.#url.token === undefined ? "needs a token" : "refuses this token";
      this.#failed(`it ${why}: use the whole URL that the router has printed, with #token=… at its end`);
      return;
    }
    const said = /"message":"((?:[^"\\]|\\.)*)"/.exec(body)?.[1];
    const help = status === 404 ? ": is it a [web] section without monitor = on, or is /monitor/ missing?" : "";
    this.#failed(said === undefined || status === 404 ? `it answers with ${status}${help}` : `it refuses: ${said}`);
  }

  #lost(why: string): void {
    if (this.#ended) return;
    if (!this.#wasOpen) {
      this.#failed(`${why}; start the router with mmpy --monitor PORT, or write monitor = on in its [web] section`);
      return;
    }
    const base = DELAYS[Math.min(this.#attempt++, DELAYS.length - 1)] ?? 1;
    const delay = 1000 * base * (1 + SPREAD * (2 * Math.random() - 1));
    this.#listener.lost(why, delay);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), delay);
  }

  #failed(why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket?.terminate();
    this.#fail(new MidimonsterError("BACKEND", `no monitor at ${this.#url.shown}: ${why}`));
  }
}

/** An object; undefined if it is something else. */
function parse(data: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(data.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
