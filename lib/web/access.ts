// Who may use a site: the rules for the headers of a request, as pure functions. docs/web.md explains them to users.
import { isIP } from "node:net";
import { hostname } from "node:os";
import type { Tokens } from "./tokens.js";

/** `view` sees values, `control` also sets them. */
export type Role = "view" | "control";

/** For clients that try to set values without being allowed to. */
export const VIEW_ONLY = "this token only allows viewing";

/** Who may use a site. A reload may replace it. */
export interface Access {
  /** Names besides those of this machine under which it is reached. */
  readonly hosts: readonly string[];
  /** Origins besides its own whose pages may use it: `https://lights.example`. */
  readonly origins: readonly string[];
  /** The origin of a page that may embed it. */
  readonly frame?: string | undefined;
  /** Undefined: no token is needed, as only this machine can connect. */
  readonly tokens?: Tokens | undefined;
  /** For messages: where an option is to be written, as `[web panel]`. */
  readonly section: string;
}

/** The headers that the rules are about. */
export interface Head {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  /** Whether a proxy says that the request came through it. */
  readonly forwarded: boolean;
}

export interface Refused {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** Why a request is refused whatever it asks for; undefined if it is not. */
export function refusalOf({ host, origin, forwarded }: Head, access: Access): Refused | undefined {
  const own = parseHost(host);
  if (own === undefined) return { status: 400, code: "host", message: "the request needs one valid Host header" };
  if (!isKnownHost(own.name, access.hosts)) {
    const message = `this server is not known as '${own.name}': write hosts = ${own.name} in ${access.section}`;
    return { status: 421, code: "host", message };
  }
  if (origin !== undefined && !isAllowedOrigin(origin, own, access.origins)) {
    const message = `pages of ${origin} may not use this server: if they are to, write origins = ${origin} in ${access.section}`;
    return {
      status: 403,
      code: "origin",
      message: origin === "null" ? "pages without an origin are refused" : message,
    };
  }
  if (forwarded && access.tokens === undefined) {
    const message = `the request comes through a proxy, so that a token is needed: write token-file = FILE in ${access.section}`;
    return { status: 403, code: "proxy", message };
  }
  return undefined;
}

interface Host {
  /** In lower case, without brackets. */
  readonly name: string;
  /** As it is part of an origin. */
  readonly origin: string;
}

function parseHost(header: string | undefined): Host | undefined {
  if (header === undefined || !/^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.test(header)) return undefined;
  const url = `http://${header}`;
  if (!URL.canParse(url)) return undefined;
  const { hostname: name, origin } = new URL(url);
  return { name: name.replace(/^\[|\]$/g, "").toLowerCase(), origin };
}

/** A number can't be made to mean another machine by a foreign name server, a name can. */
function isKnownHost(name: string, hosts: readonly string[]): boolean {
  if (isIP(name) !== 0 || name === "localhost") return true;
  const own = hostname().toLowerCase();
  return name === own || name === `${own.split(".")[0]}.local` || hosts.some((host) => host.toLowerCase() === name);
}

/** With the port: other programs of the same machine have pages too. */
function isAllowedOrigin(origin: string, own: Host, origins: readonly string[]): boolean {
  return origin !== "null" && (origin === own.origin || origins.includes(origin));
}

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
];

/** The headers of every answer. */
export function protectiveHeaders(frame: string | undefined): Record<string, string> {
  return {
    "Content-Security-Policy": [...POLICY, `frame-ancestors ${frame ?? "'none'"}`].join("; "),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
  };
}
