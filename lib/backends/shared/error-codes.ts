import { messageOf } from "../../errors.js";

/** The system's name for an error, as `ENETUNREACH`; undefined for other errors. */
export function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === "string" ? code : undefined;
}

/** What the codes mean for users: those of sockets, and of looking up names. */
export const MEANINGS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program uses it",
  EADDRNOTAVAIL: "no interface has this address",
  EAGAIN: "more is sent than the network takes",
  EAI_AGAIN: "the host's name can't be looked up at the moment",
  ECONNREFUSED: "nothing listens there",
  EHOSTUNREACH: "the host can't be reached",
  EMSGSIZE: "it is too large for a datagram",
  ENETUNREACH: "the network can't be reached",
  ENOTFOUND: "there is no host of this name",
  EPERM: "a firewall forbids it",
};

/** What EACCES means where a port is opened. */
export const LOW_PORT = "ports below 1024 are for root, or need CAP_NET_BIND_SERVICE";

/** For users, as `the network can't be reached (ENETUNREACH)`. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (code === undefined) return messageOf(error);
  const meaning = MEANINGS[code];
  return meaning === undefined ? code : `${meaning} (${code})`;
}
