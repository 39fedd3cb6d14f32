// From a request for a WebSocket to a client of a site.
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { messageOf } from "../errors.js";
import { protectiveHeaders } from "./access.js";
import { type Answer, answerAndClose, errorAnswer } from "./answer.js";
import { CLOSE, Client, type Message } from "./client.js";
import { LIMITS, TIMES } from "./limits.js";
import type { WebServer } from "./server.js";
import type { Site, SocketRoute } from "./site.js";

/** The protocol and its version, as clients offer it. */
export const PROTOCOL = "mmpy.v1";

const INTERVAL = 1000; // ms

/** Including those that the types lack. */
const OPTIONS: ServerOptions & Record<"maxFragments" | "maxBufferedChunks" | "closeTimeout", number> = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: LIMITS.message,
  maxFragments: 16,
  maxBufferedChunks: 1024,
  closeTimeout: 2000, // ms
  handleProtocols: () => PROTOCOL,
};

/** Of all servers: clients of an old connection must not be taken for those of a new one. */
let clients = 0;

export class Upgrades {
  readonly #server: WebServer;
  readonly #websockets = new WebSocketServer(OPTIONS);
  /** All that are connected, with their sites; also those that are not authorised yet. */
  readonly #connected = new Map<Client, Site>();
  readonly #waiting = new Set<Client>();
  readonly #timer: NodeJS.Timeout;

  constructor(server: WebServer) {
    this.#server = server;
    this.#timer = setInterval(() => this.#look(), INTERVAL).unref();
  }

  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => {});
    const admitted = this.#server.admit(request);
    const refuse = (answer: Answer) => refuseUpgrade(socket, answer, admitted.frame);
    if ("refusal" in admitted) {
      refuse(admitted.refusal);
      return;
    }
    const { site, at, token, role, address } = admitted;
    const route = site.findSocket(at);
    if (route === undefined) {
      refuse(errorAnswer(404, "path", "there is no WebSocket under this path"));
      return;
    }
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((each) => each.trim());
    if (!offered.includes(PROTOCOL)) {
      refuse(errorAnswer(400, "protocol", `offer the subprotocol ${PROTOCOL}`));
      return;
    }
    if (token !== undefined && role === undefined) {
      refuse(errorAnswer(401, "token", "the token is wrong", { "WWW-Authenticate": "Bearer" }));
      return;
    }
    const full = this.#isFull(site, address);
    if (full !== undefined) {
      refuse(errorAnswer(503, "clients", full, { "Retry-After": "5" }));
      return;
    }
    this.#websockets.handleUpgrade(request, socket, head, (websocket) => {
      const client = new Client(++clients, address, websocket, socket as Socket, site.counters);
      this.#connect(client, websocket, site, route, at, role);
    });
  }

  /** Closes the clients of a site. */
  leave(site: Site, reason: string, again: boolean): void {
    for (const [client, of] of this.#connected) if (of === site) client.close(CLOSE.stop, reason, again);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const client of this.#connected.keys()) client.close(CLOSE.stop, "the server stops", true);
  }

  end(): void {
    for (const client of this.#connected.keys()) client.end();
  }

  #isFull(site: Site, address: string): string | undefined {
    const all = [...this.#connected].filter(([, each]) => each === site).map(([client]) => client);
    if (all.length >= LIMITS.clients) return `this page already has ${LIMITS.clients} clients`;
    if (all.filter((client) => client.address === address).length >= LIMITS.clientsPerAddress) {
      return `this address already has ${LIMITS.clientsPerAddress} clients`;
    }
    return undefined;
  }

  /** Makes room for one more client that has not sent its token yet: pages send theirs at once, so the oldest one never will. */
  #makeRoom(site: Site): void {
    const waiting = [...this.#waiting].filter((client) => this.#connected.get(client) === site);
    const [oldest] = waiting;
    if (oldest === undefined || waiting.length < LIMITS.unauthorised) return;
    this.#waiting.delete(oldest); // its connection may take a while to close
    oldest.drop(CLOSE.token, "no token has come");
  }

  #connect(
    client: Client,
    websocket: WebSocket,
    site: Site,
    route: SocketRoute,
    at: string,
    role: Client["role"] | undefined,
  ): void {
    let opened = false;
    let patience: NodeJS.Timeout | undefined;
    const guarded = (work: () => void) => {
      try {
        work();
      } catch (error) {
        const { owner, log } = site;
        log.error({ instance: owner, err: error }, `${owner}: a message of a page failed: ${messageOf(error)}`);
      }
    };
    const open = (as: Client["role"]) => {
      clearTimeout(patience);
      this.#waiting.delete(client);
      if (site.findSocket(at) !== route) {
        client.close(CLOSE.stop, "what was here has been switched off", true);
        return;
      }
      opened = true;
      client.role = as;
      site.clients.add(client);
      guarded(() => route.opened(client));
    };
    this.#connected.set(client, site);
    websocket.on("error", () => {}); // `close` follows
    websocket.on("close", () => {
      clearTimeout(patience);
      this.#connected.delete(client);
      this.#waiting.delete(client);
      site.clients.delete(client);
      if (opened) guarded(() => route.closed(client));
    });
    websocket.on("message", (data: Buffer, isBinary: boolean) => {
      if (!client.isOpen || !client.receives()) return;
      const message = isBinary ? undefined : parse(data);
      if (message === undefined) {
        client.drop(CLOSE.refused, "messages are JSON objects with a type");
      } else if (message.type === "auth") {
        if (!opened) this.#authorise(client, site, message, open);
      } else if (!opened) {
        client.close(CLOSE.token, "the first message has to be the token", false);
      } else if (message.type === "ping") {
        client.tell({ type: "pong" });
      } else {
        guarded(() => route.message(client, message));
      }
    });
    if (role !== undefined) {
      open(role);
      return;
    }
    this.#makeRoom(site);
    this.#waiting.add(client);
    patience = setTimeout(() => client.close(CLOSE.token, "no token has come", false), TIMES.authorisation);
  }

  #authorise(client: Client, site: Site, { token }: Message, open: (role: Client["role"]) => void): void {
    const { wrong } = this.#server;
    const now = performance.now();
    if (wrong.blocks(client.address, now)) {
      client.close(CLOSE.token, "too many wrong tokens: wait a minute", false);
      return;
    }
    const role = typeof token === "string" ? site.roleOf(token) : undefined;
    if (role !== undefined) {
      open(role);
      return;
    }
    wrong.add(client.address, now);
    client.close(CLOSE.token, "the token is wrong", false);
  }

  #look(): void {
    const now = performance.now();
    for (const client of this.#connected.keys()) client.look(now);
  }
}

function parse(data: Buffer): Message | undefined {
  try {
    const value: unknown = JSON.parse(data.toString("utf8"));
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return typeof (value as Partial<Message>).type === "string" ? (value as Message) : undefined;
  } catch {
    return undefined;
  }
}

function refuseUpgrade(socket: Duplex, { status, headers, body }: Answer, frame: string | undefined): void {
  const text = JSON.stringify(body ?? {});
  const all = {
    ...protectiveHeaders(frame),
    ...headers,
    "Cache-Control": "no-store",
    "Content-Type": "application/json",
    "Content-Length": String(Buffer.byteLength(text)),
    Connection: "close",
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  answerAndClose(socket, `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("\r\n")}\r\n\r\n${text}`);
}
