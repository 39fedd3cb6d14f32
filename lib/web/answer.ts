// Requests and answers of HTTP, as the handlers of a site see them.
import type { Duplex } from "node:stream";
import type { Role } from "./access.js";

export interface WebRequest {
  /** The part of the path after the route's, still encoded: `stage%2Fdim` of `/api/channels/stage%2Fdim`. */
  readonly rest: string;
  readonly query: URLSearchParams;
  /** What the token allows; `control` where none is needed. */
  readonly role: Role;
  /** Whether it came with a valid token. */
  readonly hasToken: boolean;
  /** The type of the body in lower case, without parameters; empty if absent. */
  readonly type: string;
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. Absent: nothing is. */
  readonly body?: string | Buffer | object;
}

/** An answer that is an error, in the form of all of them. */
export function errorAnswer(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, headers, body: { error: { code, message } } };
}

export interface Method {
  /** What the token has to allow. `open`: no token is needed. */
  readonly needs: Role | "open";
  /** Called when the whole body is there. An exception is logged, and answered with 500. */
  handle(request: WebRequest): Answer | Promise<Answer>;
}

/** By method: `GET` (which serves `HEAD` too), `PUT`, `POST`. */
export type Methods = Readonly<Partial<Record<"GET" | "PUT" | "POST", Method>>>;

/**
 * Sends an answer on a socket that Node has handed over, then closes it: Node no longer limits the time of such a socket, and the
 * peer may never close its side.
 */
export function answerAndClose(socket: Duplex, answer: string): void {
  socket.once("finish", () => socket.destroy());
  socket.end(answer);
}
