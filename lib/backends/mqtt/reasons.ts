// Why there is no connection, for people.
import { messageOf } from "../../errors.js";
import { codeOf, MEANINGS } from "../shared/error-codes.js";

const PLAIN_HINT = "it does not seem to speak TLS: for a connection without encryption write host = mqtt://";
const CA_HINT = "name the certificate of its authority with the option ca";
const LOGIN_HINT = "check the options user and password";

const OF_CONNECTIONS: Readonly<Record<string, string>> = {
  ...MEANINGS,
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection has ended",
  ETIMEDOUT: "there was no answer in time",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: `its certificate is signed by itself; ${CA_HINT}`,
  SELF_SIGNED_CERT_IN_CHAIN: `its certificate is signed by an unknown authority; ${CA_HINT}`,
  UNABLE_TO_GET_ISSUER_CERT: `its certificate is signed by an unknown authority; ${CA_HINT}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `its certificate is signed by an unknown authority; ${CA_HINT}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `its certificate is signed by an unknown authority; ${CA_HINT}`,
  EPROTO: PLAIN_HINT,
  ERR_SSL_WRONG_VERSION_NUMBER: PLAIN_HINT,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: PLAIN_HINT,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "it wants a certificate; name one with the options cert and key",
};

/** An error of a socket. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  const text = messageOf(error);
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return `its certificate is for another host: ${text}`;
  const known = code === undefined ? undefined : OF_CONNECTIONS[code];
  if (known !== undefined) return `${known} (${code})`;
  return text === "" ? (code ?? "unknown error") : text;
}

/** Of a CONNACK or a DISCONNECT, in version 5. */
const CODES: Readonly<Record<number, string>> = {
  128: "unspecified error",
  129: "malformed packet",
  130: "protocol error",
  132: "it does not know this version of MQTT",
  133: "it does not accept the clientid",
  134: `wrong user or password; ${LOGIN_HINT}`,
  135: `not authorized; ${LOGIN_HINT}`,
  136: "it is not available",
  137: "it is busy",
  138: "this client is banned",
  139: "it is shutting down",
  140: "it wants another way of logging in",
  141: "it has heard nothing from here for too long",
  142: "another client with the same clientid has connected",
  144: "it does not accept a topic",
  147: "too many messages at once",
  149: "a message is too large for it",
  150: "too many messages in a short time",
  151: "a quota is exceeded",
  152: "its administrator has ended the connection",
  154: "it can't retain messages; write retain = off",
  155: "it does not know this quality of service; write qos = 0",
  156: "another server is to be used",
  157: "the server has moved",
  159: "too many connections in a short time",
};

/** Of a CONNACK in version 3.1.1; the first one also answers a connection in version 5. */
const OLD_CODES: Readonly<Record<number, string>> = {
  1: CODES[0x84] ?? "",
  2: CODES[0x85] ?? "",
  3: CODES[0x88] ?? "",
  4: CODES[0x86] ?? "",
  5: CODES[0x87] ?? "",
};

/** A code by which a broker refuses or ends a connection. */
export function meaningOf(code: number): string {
  return CODES[code] ?? OLD_CODES[code] ?? `code ${code}`;
}

/** Whether a broker refuses a connection since it does not know version 5. */
export function isUnknownVersion(code: number | undefined): boolean {
  return code === 1 || code === 0x84;
}

/** How far the encryption of a connection has come. */
export type Encryption = "none" | "begun" | "complete";

/** Why a broker may have closed a connection before it has answered. */
const CLOSED_AT_ONCE: Readonly<Record<Encryption, string>> = {
  none: "it has closed the connection without an answer; does it expect encryption? Then write host = mqtts://",
  begun: PLAIN_HINT,
  complete:
    "it has closed the connection without an answer; does it want a certificate? Then use the options cert and key",
};

export function closedAtOnce(encryption: Encryption): string {
  return CLOSED_AT_ONCE[encryption];
}

/** Whether an error only says that the other side has closed the connection. */
export function isClosed(error: unknown): boolean {
  return ["ECONNRESET", "EPIPE"].includes(codeOf(error) ?? "");
}

export const CLOSED = "it has closed the connection";
export const NO_ANSWER = "there was no answer in time";
