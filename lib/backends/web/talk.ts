// What clients of a page say over WebSocket, and what it answers. docs/web-api.md describes it.
import { randomBytes } from "node:crypto";
import { VIEW_ONLY } from "../../web/access.js";
import type { Client, Message } from "../../web/client.js";
import { isValue } from "../../web/received.js";
import type { SocketRoute } from "../../web/site.js";
import type { Panel } from "./panel.js";

/** The version of the protocol, in `hello`. */
const PROTOCOL = 1;
const MAX_RATE = 30;
/** The most names of a subscription. */
const MAX_NAMES = 10_000;

type Handler = (panel: Panel, client: Client, message: Message) => void;

const HANDLERS: Readonly<Record<string, Handler>> = { set, grab, release, subscribe };

/** The WebSocket of a page. @param server its name and version */
export function talk(panel: Panel, server: string): SocketRoute {
  // Numbers of channels mean nothing to another process, or page.
  const session = randomBytes(9).toString("base64url");
  return {
    opened(client) {
      const { title, pages, channels } = panel.refresh();
      const { id, role } = client;
      client.tell({ type: "hello", protocol: PROTOCOL, server, session, client: id, role, title, pages, channels });
      panel.clients.add(client);
      panel.feeds.add(client);
      panel.state(client);
      for (const held of panel.values.held())
        client.tell({ type: "held", id: held, count: panel.values.holders(held) });
    },
    message(client, message) {
      const handler = Object.hasOwn(HANDLERS, message.type) ? HANDLERS[message.type] : undefined;
      if (handler === undefined)
        client.error("type", `there is no message of type '${short(message.type)}'`, message.seq);
      else handler(panel, client, message);
    },
    closed(client) {
      panel.clients.delete(client);
      panel.feeds.delete(client);
      panel.letGoAll(client.id);
    },
  };
}

/** Whether a client may set values; if not, it gets an error. */
function mayControl(client: Client, { seq }: Message): boolean {
  if (client.role === "control") return true;
  client.error("role", VIEW_ONLY, seq);
  return false;
}

function set(panel: Panel, client: Client, message: Message): void {
  const { seq, v, name, value } = message;
  if (!mayControl(client, message)) return;
  const values = v ?? (typeof name === "string" ? [panel.named(name)?.id, value] : undefined);
  if (!Array.isArray(values) || values.length === 0 || values.length % 2 !== 0) {
    client.error("message", "set needs v: [id, value, ...], or name and value", seq);
    return;
  }
  if (!client.countValues(values.length / 2)) return;
  for (let i = 0; i < values.length; i += 2) {
    const problem = settingProblem(panel, values[i], values[i + 1]);
    if (problem === undefined) continue;
    client.error(...problem, seq);
    return;
  }
  for (let i = 0; i < values.length; i += 2) panel.set(values[i] as number, values[i + 1] as number, client.id);
  client.tell({ type: "ack", seq: typeof seq === "number" ? seq : null, rev: panel.values.rev });
}

function settingProblem(panel: Panel, id: unknown, value: unknown): [code: string, message: string] | undefined {
  const info = panel.info(id);
  if (info === undefined) return ["channel", "there is no such channel"];
  if (!info.settable) return ["settable", `'${info.name}' can't be set: it only shows what it receives`];
  if (isValue(value)) return undefined;
  return ["value", "a value is a number from 0 to 1"];
}

function grab(panel: Panel, client: Client, message: Message): void {
  const info = holdable(panel, client, message);
  if (info !== undefined && client.countValues(1)) panel.grab(info.id, client.id);
}

function release(panel: Panel, client: Client, message: Message): void {
  const info = holdable(panel, client, message);
  if (info !== undefined) panel.letGo(info.id, client.id);
}

function holdable(panel: Panel, client: Client, message: Message) {
  if (!mayControl(client, message)) return undefined;
  const info = panel.info(message.id);
  if (info?.settable) return info;
  client.error("channel", "there is no such channel, or it can't be set", message.seq);
  return undefined;
}

function subscribe(panel: Panel, client: Client, { names, rate = MAX_RATE, seq }: Message): void {
  if (typeof rate !== "number" || !(rate > 0)) {
    client.error("message", "rate is a number above 0", seq);
    return;
  }
  let only: Set<number> | undefined;
  if (names !== "*") {
    const isList = Array.isArray(names) && names.length <= MAX_NAMES && names.every((name) => typeof name === "string");
    if (!isList) {
      client.error("message", 'subscribe needs names: a list of names, or "*"', seq);
      return;
    }
    const found = (names as string[]).map((name) => panel.named(name)?.id);
    const missing = found.indexOf(undefined);
    if (missing >= 0) {
      client.error("channel", `there is no channel '${short(String(names[missing]))}'`, seq);
      return;
    }
    only = new Set(found as number[]);
  }
  panel.feeds.limit(client, only, Math.min(rate, MAX_RATE));
  panel.state(client);
}

function short(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
