// HTTP servers, one for each address and port; sites share them.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { codeOf, LOW_PORT } from "../backends/shared/error-codes.js";
import { resolveHost, unmapped, WILDCARD } from "../backends/shared/hosts.js";
import { portHolders } from "../backends/shared/port-holder.js";
import { messageOf } from "../errors.js";
import { type Head, protectiveHeaders, refusalOf, VIEW_ONLY } from "./access.js";
import { type Answer, answerAndClose, errorAnswer, type WebRequest } from "./answer.js";
import { Allowances, LIMITS, TIMES } from "./limits.js";
import { decoded } from "./received.js";
import type { Site, WebAddress } from "./site.js";
import { bearerOf, WrongTokens } from "./tokens.js";
import { Upgrades } from "./upgrade.js";

const servers = new Map<string, Promise<WebServer>>();

/** A server of an address, open; {@link WebServer.release} must follow. @throws {Error} with what to do if it can't be opened */
export async function acquire(address: WebAddress): Promise<WebServer> {
  const key = `${address.host} ${address.port}`;
  for (;;) {
    const known = address.port === 0 ? undefined : servers.get(key);
    const pending = known ?? WebServer.open(address, () => servers.delete(key));
    if (known === undefined && address.port !== 0) servers.set(key, pending);
    try {
      const server = await pending;
      if (server.use()) return server;
      // It has been closed in the meantime.
      if (servers.get(key) === pending) servers.delete(key);
    } catch (error) {
      if (servers.get(key) === pending) servers.delete(key);
      throw error;
    }
  }
}

/** Paths of the first site: no other site of its server can have one of these names. */
const OWN_PATHS = ["api", "healthz", "metrics", "monitor", "ws"];

/** How long connections may take to end when a server is closed, in ms. */
const PATIENCE = 500;

export class WebServer {
  readonly bound: { readonly address: string; readonly port: number };
  readonly wrong = new WrongTokens();
  readonly #http: Server;
  readonly #sites = new Map<string, Site>();
  readonly #requests = new Allowances(LIMITS.messages);
  readonly #upgrades: Upgrades;
  readonly #forget: () => void;
  #users = 0;
  #closed = false;

  /** @param forget called when it closes */
  static async open({ host, port }: WebAddress, forget: () => void): Promise<WebServer> {
    const http = createServer({
      maxHeaderSize: LIMITS.header,
      headersTimeout: TIMES.header,
      requestTimeout: TIMES.request,
      keepAliveTimeout: TIMES.header,
      connectionsCheckingInterval: 1000,
      noDelay: true,
    });
    // This also ends connections of clients that ask and do not read: Node's other limits are for what a client sends.
    http.setTimeout(TIMES.unread);
    http.maxConnections = LIMITS.connections;
    const address = host === WILDCARD ? undefined : (await resolveHost(host)).address;
    await new Promise<void>((resolve, reject) => {
      http.once("error", (error) => reject(new Error(listenProblem(error, host, port))));
      http.listen({ port, ...(address !== undefined && { host: address }), exclusive: true }, resolve);
    });
    http.removeAllListeners("error");
    return new WebServer(http, forget);
  }

  private constructor(http: Server, forget: () => void) {
    this.#http = http;
    this.#forget = forget;
    const { address, port } = http.address() as AddressInfo;
    this.bound = { address, port };
    this.#upgrades = new Upgrades(this);
    // No connection could be accepted, for lack of descriptors: the next one may be.
    http.on("error", () => {});
    http.on("request", (request, response) => void this.#serve(request, response));
    http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrades.take(request, socket, head),
    );
    http.on("clientError", (error, socket) => {
      if (!socket.writable) return void socket.destroy();
      const status = REFUSALS.get(codeOf(error) ?? "") ?? "400 Bad Request";
      answerAndClose(socket, `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    });
  }

  /** Keeps it open until {@link release}. @returns false if it is closed */
  use(): boolean {
    if (this.#closed) return false;
    this.#users++;
    return true;
  }

  /** Closes it if it was the last user's. Resolves once the port is free. */
  async release(): Promise<void> {
    if (--this.#users > 0 || this.#closed) return;
    this.#closed = true;
    this.#forget();
    this.#upgrades.close();
    const ended = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    this.#http.closeIdleConnections();
    const timer = setTimeout(() => {
      this.#http.closeAllConnections();
      this.#upgrades.end();
    }, PATIENCE);
    await ended;
    clearTimeout(timer);
  }

  /** @throws {Error} if there is one of this name, or the first one has a path like it */
  add(site: Site): void {
    if (this.#sites.size > 0 && OWN_PATHS.includes(site.name)) {
      throw new Error(
        `/${site.name}/ belongs to the first page on this port: rename '${site.name}', or use another port`,
      );
    }
    if (this.#sites.has(site.name)) throw new Error(`there are two pages '${site.name}' on one port`);
    this.#sites.set(site.name, site);
  }

  /** Closes its clients, also those that have not sent their token yet. */
  remove(site: Site, reason: string, again: boolean): void {
    if (this.#sites.get(site.name) === site) this.#sites.delete(site.name);
    this.#upgrades.leave(site, reason, again);
  }

  isFirst(site: Site): boolean {
    return this.#sites.values().next().value === site;
  }

  /** The site that a path belongs to, and the rest of the path. */
  locate(target: string): { readonly site: Site; readonly at: string } | undefined {
    const [first] = this.#sites.values();
    if (first?.has(target)) return { site: first, at: target };
    const [, name = "", rest = ""] = /^\/([^/]*)(.*)$/.exec(target) ?? [];
    const named = this.#sites.get(decoded(name));
    if (named !== undefined) return { site: named, at: rest };
    return first && { site: first, at: target };
  }

  /** Makes the checks that every request has to pass, before anything else. */
  admit(request: IncomingMessage): Refusal | Admitted {
    const address = peerOf(request);
    const now = performance.now();
    if (!this.#requests.take(address, now)) {
      return { refusal: errorAnswer(429, "rate", `more than ${LIMITS.messages} requests a second`, RETRY_SOON) };
    }
    const [target = "", query = ""] = split(request.url ?? "", "?");
    const found = this.locate(target);
    if (found === undefined) return { refusal: errorAnswer(503, "stopped", "nothing is served here at the moment") };
    const refused = refusalOf(headOf(request), found.site.access);
    const frame = found.site.access.frame;
    if (refused !== undefined) {
      return { refusal: errorAnswer(refused.status, refused.code, refused.message), frame };
    }
    const token = bearerOf(request.headers.authorization);
    if (token !== undefined && found.site.access.tokens !== undefined && this.wrong.blocks(address, now)) {
      return { refusal: errorAnswer(429, "token", "too many wrong tokens: wait a minute", RETRY_LATE), frame };
    }
    const role = found.site.roleOf(token);
    if (token !== undefined && role === undefined) this.wrong.add(address, now);
    return { ...found, target, query: new URLSearchParams(query), token, role, address, frame };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on("error", () => {});
    response.on("error", () => {});
    const admitted = this.admit(request);
    const answer = "refusal" in admitted ? admitted.refusal : await this.#answer(request, admitted);
    if (response.destroyed || answer === undefined) return;
    const headers = { ...protectiveHeaders(admitted.frame), ...answer.headers };
    send(request, response, answer, headers);
  }

  async #answer(request: IncomingMessage, admitted: Admitted): Promise<Answer | undefined> {
    const { site, at, target, query, role, token } = admitted;
    // Relative addresses in the page need the slash.
    if (at === "" && target !== "") return { status: 308, headers: { Location: `${target}/` } };
    const found = site.find(at);
    if (found === undefined) return errorAnswer(404, "path", "there is nothing under this path");
    const { methods, rest } = found;
    const name = request.method === "HEAD" ? "GET" : request.method;
    const method = name === "GET" || name === "PUT" || name === "POST" ? methods[name] : undefined;
    if (method === undefined) {
      const names = [...Object.keys(methods), ...(methods.GET ? ["HEAD"] : [])].join(", ");
      return errorAnswer(405, "method", `the methods of this path are ${names}`, { Allow: names });
    }
    if (method.needs !== "open" && role === undefined) {
      const message = token === undefined ? "a token is needed: Authorization: Bearer TOKEN" : "the token is wrong";
      return errorAnswer(401, "token", message, { "WWW-Authenticate": "Bearer" });
    }
    if (method.needs === "control" && role !== "control") {
      return errorAnswer(403, "role", VIEW_ONLY);
    }
    const body = await bodyOf(request);
    if (!Buffer.isBuffer(body)) return body;
    // A reload may have changed who may do what while the body arrived.
    if (site.find(at)?.methods !== methods || (method.needs !== "open" && site.roleOf(token) !== role)) {
      return errorAnswer(503, "changed", "the page has changed in the meantime: try again", RETRY_SOON);
    }
    try {
      const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
      const hasToken = token !== undefined && site.access.tokens !== undefined && role !== undefined;
      const asked: WebRequest = { rest, query, role: role ?? "view", hasToken, type, body };
      return await method.handle(asked);
    } catch (error) {
      site.log.error({ instance: site.owner, err: error }, `${site.owner}: a request failed: ${messageOf(error)}`);
      return errorAnswer(500, "internal", "the request failed; the log says why");
    }
  }
}

interface Refusal {
  readonly refusal: Answer;
  readonly frame?: string | undefined;
}

interface Admitted {
  readonly site: Site;
  /** The path within the site. */
  readonly at: string;
  readonly target: string;
  readonly query: URLSearchParams;
  readonly token: string | undefined;
  /** Undefined: a token is needed, and is missing or wrong. */
  readonly role: ReturnType<Site["roleOf"]>;
  readonly address: string;
  readonly frame: string | undefined;
}

/** Answers to what is not a valid request, by the code of Node's error. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  ["HPE_HEADER_OVERFLOW", "431 Request Header Fields Too Large"],
  ["ERR_HTTP_REQUEST_TIMEOUT", "408 Request Timeout"],
]);

const RETRY_SOON = { "Retry-After": "1" };
const RETRY_LATE = { "Retry-After": "60" };

/** The address of the peer, by which clients are limited. */
function peerOf({ socket }: IncomingMessage): string {
  return unmapped(socket.remoteAddress ?? "").address;
}

function headOf({ headers, rawHeaders }: IncomingMessage): Head {
  // Node takes the first of several.
  const hosts = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === "host").length;
  const forwarded = headers.forwarded !== undefined || headers["x-forwarded-for"] !== undefined;
  return { host: hosts === 1 ? headers.host : undefined, origin: headers.origin, forwarded };
}

/** The body of a request, or why it is refused. Undefined: the client is gone. */
function bodyOf(request: IncomingMessage): Promise<Buffer | Answer | undefined> {
  if (request.headers["content-encoding"] !== undefined) {
    return Promise.resolve(errorAnswer(415, "encoding", "send the body without Content-Encoding"));
  }
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= LIMITS.body) {
        chunks.push(chunk);
        return;
      }
      // The rest is read and thrown away: a client that is still writing would not see the answer.
      chunks.length = 0;
      resolve(errorAnswer(413, "size", `a body has at most ${LIMITS.body} bytes`, { Connection: "close" }));
    });
    request.on("end", () => resolve(Buffer.concat(chunks)));
    request.on("close", () => resolve(undefined));
  });
}

function send(
  { method }: IncomingMessage,
  response: ServerResponse,
  { status, body }: Answer,
  headers: Readonly<Record<string, string>>,
): void {
  const isRaw = typeof body === "string" || Buffer.isBuffer(body);
  const data = body === undefined ? Buffer.alloc(0) : isRaw ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
  const more = body === undefined || isRaw ? {} : { "Content-Type": "application/json" };
  const length = status === 204 ? {} : { "Content-Length": String(data.length) };
  response.writeHead(status, { "Cache-Control": "no-store", ...more, ...length, ...headers });
  response.end(method === "HEAD" ? undefined : data);
}

function split(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function listenProblem(error: Error, host: string, port: number): string {
  const where = `${host} ${port}`;
  switch (codeOf(error)) {
    case "EADDRINUSE": {
      const holder = portHolders(port).find(({ protocol }) => protocol === "TCP");
      const who = holder === undefined ? "another program" : `process ${holder.pid} (${holder.command})`;
      return `${where} is used by ${who}: use another port, or end that program; ss -ltnp 'sport = :${port}' shows it`;
    }
    case "EACCES":
      return `${where} can't be used: ${LOW_PORT}; use a higher one, or see 'permissions of modules' in docs/service.md`;
    case "EADDRNOTAVAIL":
      return `${where} can't be used: this machine does not have the address; ip addr shows those it has`;
    default:
      return `${where} can't be used: ${messageOf(error)}`;
  }
}
