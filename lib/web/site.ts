// The web server's core: sites that share servers. This is what the control panel, the monitor and metrics are attached to.
//
// A page attaches itself like this:
//
//   const site = await attach({ name: "panel", owner: "panel", address: { host: "127.0.0.1", port: 8080 }, access, log });
//   site.file("/", "panel.html");       // from dist/web/, which lib/web/pages/panel/ is compiled to: .html, .js, .css
//   site.route("/api/channels", { GET: { needs: "view", handle: () => ({ status: 200, body: { ... } }) } });
//   site.route("/api/channels/*", { PUT: { needs: "control", handle: ({ rest, body }) => ... } });
//   site.socket("/ws", { opened(client) {}, message(client, message) {}, closed(client) {} });
//   ...
//   await site.close("the router stops", true);
//
// A site is found under `/NAME/…` of its server, the first one of a server under `/…` too: paths of routes are without that. The
// server exists as long as it has sites; sites that name the same address and port share one. A site outlives reloads: routes
// can be added and replaced at any time, `site.access` can be replaced by another one.
//
// What is checked before a handler or a function of a SocketRoute is called: Host, Origin, the token and its role (`needs`; handlers
// of WebSocket messages check `client.role` themselves), sizes, rates, numbers of clients. Every message is a JSON object with a
// text `type`; `auth` and `ping` are answered here. `client.lags` says whether a client is to be skipped; `Changes` (changes.ts)
// keeps what it then gets later.
import { readFileSync } from "node:fs";
import path from "node:path";
import { packageFolder } from "../binding.js";
import type { Logger } from "../log/log.js";
import type { Access, Role } from "./access.js";
import type { Answer, Methods } from "./answer.js";
import type { Client, Counters, Message } from "./client.js";
import { acquire, type WebServer } from "./server.js";

export interface SiteSpec {
  /** The first part of its paths: unique in its server. */
  readonly name: string;
  /** Starts messages of the log: the instance's name. */
  readonly owner: string;
  readonly address: WebAddress;
  readonly access: Access;
  readonly log: Logger;
}

export interface WebAddress {
  /** A number, a name, or `*`. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** Handlers of the WebSockets of a path. An exception is logged. */
export interface SocketRoute {
  /** The client is authorised: `client.role` is set. */
  opened(client: Client): void;
  message(client: Client, message: Message): void;
  /** Called once for each that was opened. */
  closed(client: Client): void;
}

/**
 * Attaches a site to the server of its address, which is opened with its first site.
 *
 * @throws {Error} if the address can't be used, or has a site of this name
 */
export async function attach(spec: SiteSpec): Promise<Site> {
  const server = await acquire(spec.address);
  const site = new Site(spec, server);
  try {
    server.add(site);
  } catch (error) {
    await server.release();
    throw error;
  }
  return site;
}

/** What is served under one name. */
export class Site {
  /** May be replaced at any time. Connections that are open keep their role. */
  access: Access;
  readonly name: string;
  readonly owner: string;
  readonly log: Logger;
  /** Open and authorised ones, of all paths. */
  readonly clients = new Set<Client>();
  readonly counters: Counters = { dropped: 0, received: 0, sent: 0 };
  readonly #server: WebServer;
  readonly #exact = new Map<string, Methods>();
  readonly #prefixes = new Map<string, Methods>();
  readonly #sockets = new Map<string, SocketRoute>();
  #closed = false;

  /** @internal */
  constructor({ name, owner, access, log }: SiteSpec, server: WebServer) {
    this.name = name;
    this.owner = owner;
    this.access = access;
    this.log = log;
    this.#server = server;
  }

  /** Where its server listens. */
  get bound(): { readonly address: string; readonly port: number } {
    return this.#server.bound;
  }

  /** The path under which it is found: `/`, or `/NAME/` for all but the first of a server. */
  get path(): string {
    return this.#server.isFirst(this) ? "/" : `/${encodeURIComponent(this.name)}/`;
  }

  /** Adds or replaces the handlers of a path; one that ends with `/*` stands for all below it. */
  route(at: string, methods: Methods): void {
    if (at.endsWith("/*")) this.#prefixes.set(at.slice(0, -1), methods);
    else this.#exact.set(at, methods);
  }

  /** Removes the handlers of a path, of requests and of WebSockets. */
  withdraw(at: string): void {
    this.#exact.delete(at);
    this.#sockets.delete(at);
  }

  /** Serves a file of `dist/web/`, to everyone: without a token there is nothing in it. @throws {Error} if it does not exist */
  file(at: string, file: string): void {
    const body = readFileSync(path.join(packageFolder, "dist", "web", file));
    const type = TYPES[path.extname(file)] ?? "application/octet-stream";
    const answer: Answer = { status: 200, headers: { "Content-Type": type }, body };
    this.route(at, { GET: { needs: "open", handle: () => answer } });
  }

  /** Adds or replaces the handlers of WebSockets at a path. */
  socket(at: string, route: SocketRoute): void {
    this.#sockets.set(at, route);
  }

  /** Closes all clients, and the server if it has no other site. Resolves once the port is free again. */
  async close(reason: string, again: boolean): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#exact.clear();
    this.#prefixes.clear();
    this.#sockets.clear();
    this.#server.remove(this, reason, again);
    await this.#server.release();
  }

  /** @internal */
  find(at: string): { readonly methods: Methods; readonly rest: string } | undefined {
    const exact = this.#exact.get(at);
    if (exact !== undefined) return { methods: exact, rest: "" };
    for (const [prefix, methods] of this.#prefixes) {
      if (at.startsWith(prefix)) return { methods, rest: at.slice(prefix.length) };
    }
    return undefined;
  }

  /** @internal */
  has(at: string): boolean {
    return this.find(at) !== undefined || this.#sockets.has(at);
  }

  /** @internal */
  findSocket(at: string): SocketRoute | undefined {
    return this.#sockets.get(at);
  }

  /** The role of a token; undefined if it is wrong. Without one: what everyone may do here, if that is anything. @internal */
  roleOf(token: string | undefined): Role | undefined {
    const { tokens } = this.access;
    if (tokens === undefined) return "control";
    return token === undefined ? undefined : tokens.roleOf(token);
  }
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};
