// The connection of a page to its server: token, reconnecting, signs of life.

export type LinkState = "connecting" | "open" | "lost" | "denied" | "ended";

export interface LinkEvents {
  /** An object with a text `type`; `hello` comes first, with every connection. */
  message(message: ServerMessage): void;
  /** @param reason for people */
  state(state: LinkState, reason: string): void;
}

export type ServerMessage = Readonly<Record<string, unknown>> & { readonly type: string };

const PROTOCOL = "mmpy.v1";
/** In ms. */
const PING = 2000;
const SILENCE = 6000;
const FIRST_DELAY = 500;
const LAST_DELAY = 8000;

/**
 * The key of localStorage, which knows ports, as cookies do not; other pages of this server have other paths, but for the monitor,
 * which has the tokens of its page.
 */
const KEY = `mmpy-token ${location.pathname.replace(/\/monitor\/$/, "/")}`;

/** Takes the token out of the address, where others could see it. */
export function takeToken(): void {
  const token = /^#token=(.+)$/.exec(location.hash)?.[1];
  if (token === undefined) return;
  keepToken(token);
  history.replaceState(null, "", location.pathname + location.search);
}

let token: string | undefined;

export function keepToken(next: string): void {
  token = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // A private window: it lasts as long as the page.
  }
}

function storedToken(): string | undefined {
  try {
    return token ?? localStorage.getItem(KEY) ?? undefined;
  } catch {
    return token;
  }
}

export class Link {
  readonly #path: string;
  readonly #events: LinkEvents;
  #socket: WebSocket | undefined;
  #retry: number | undefined;
  #delay = FIRST_DELAY;
  #heard = 0;
  #bye: { readonly reason: string; readonly again: boolean } | undefined;

  /** @param path of the WebSocket, relative to the page */
  constructor(path: string, events: LinkEvents) {
    this.#path = path;
    this.#events = events;
    setInterval(() => this.#beat(), PING);
    addEventListener("pagehide", () => this.#socket?.close());
    // A page that comes back from the browser's cache.
    addEventListener("pageshow", (event) => {
      if (event.persisted) this.open();
    });
    addEventListener("online", () => {
      if (this.#retry !== undefined) this.open();
    });
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Connects, now. */
  open(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#socket?.close();
    const url = new URL(this.#path, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, PROTOCOL);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#bye = undefined;
    this.#heard = performance.now();
    this.#events.state("connecting", "");
    socket.onopen = () => {
      const stored = storedToken();
      // Where a token is needed, anything else is refused at once; otherwise it would be waited for.
      this.send(stored === undefined ? { type: "ping" } : { type: "auth", token: stored });
    };
    socket.onmessage = ({ data }) => {
      if (this.#socket !== socket) return;
      this.#heard = performance.now();
      const message = (typeof data === "string" ? JSON.parse(data) : { type: "binary", data }) as ServerMessage;
      if (message.type === "bye") this.#bye = { reason: String(message.reason), again: message.again === true };
      if (message.type === "hello") {
        this.#delay = FIRST_DELAY;
        this.#events.state("open", "");
      }
      this.#events.message(message);
    };
    socket.onclose = ({ code }) => {
      if (this.#socket === socket) this.#closed(code);
    };
  }

  /** Sends a message. What can't be sent now is not sent later. */
  send(message: { readonly type: string } & Readonly<Record<string, unknown>>): boolean {
    if (!this.isOpen) return false;
    this.#socket?.send(JSON.stringify(message));
    return true;
  }

  #closed(code: number): void {
    this.#socket = undefined;
    const { reason = "", again = true } = this.#bye ?? {};
    if (code === 4401) {
      this.#events.state("denied", storedToken() === undefined ? "" : reason);
      return;
    }
    if (!again) {
      this.#events.state("ended", reason);
      return;
    }
    this.#events.state("lost", reason);
    const spread = 0.8 + 0.4 * Math.random();
    this.#retry = setTimeout(() => this.open(), this.#delay * spread) as unknown as number;
    this.#delay = Math.min(LAST_DELAY, this.#delay * 2);
  }

  #beat(): void {
    if (!this.isOpen) return;
    if (performance.now() - this.#heard <= SILENCE) {
      this.send({ type: "ping" });
      return;
    }
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    this.#closed(1006);
  }
}
