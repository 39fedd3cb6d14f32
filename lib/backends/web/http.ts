// The interface of a page by HTTP. docs/web-api.md describes it.
import { didYouMean } from "../../config/suggest.js";
import { type Answer, errorAnswer, type Methods, type WebRequest } from "../../web/answer.js";
import { decoded, isValue } from "../../web/received.js";
import type { Site } from "../../web/site.js";
import type { ChannelInfo, Panel } from "./panel.js";
import { ROUTER } from "./values.js";

/** Adds the routes of a page. @param isRouting whether the router runs */
export function addRoutes(site: Site, panel: Panel, isRouting: () => boolean): void {
  const guarded =
    (handle: (request: WebRequest) => Answer) =>
    (request: WebRequest): Answer =>
      isRouting() ? handle(request) : errorAnswer(503, "stopped", "the router does not run at the moment", RETRY);
  const channel = (find: (request: WebRequest) => string | undefined): Methods => ({
    GET: {
      needs: "view",
      handle: guarded((request) => {
        const name = find(request);
        if (name === undefined)
          return { status: 200, body: panel.refresh().channels.map((each) => shown(panel, each)) };
        const info = channelNamed(panel, name);
        return "status" in info ? info : { status: 200, body: shown(panel, info) };
      }),
    },
    PUT: {
      needs: "control",
      handle: guarded((request) => {
        const name = find(request);
        return name === undefined ? putSeveral(panel, request) : putOne(panel, name, request);
      }),
    },
  });
  site.route(
    "/api/channels",
    channel(({ query }) => query.get("name") ?? undefined),
  );
  site.route(
    "/api/channels/*",
    channel(({ rest }) => decoded(rest)),
  );
  site.route("/api/press", { POST: { needs: "control", handle: guarded((request) => press(panel, request)) } });
  site.route("/healthz", { GET: { needs: "open", handle: () => ({ status: isRouting() ? 200 : 503, body: "" }) } });
}

const RETRY = { "Retry-After": "1" };

function shown(panel: Panel, { id, name, kind, settable }: ChannelInfo) {
  return { name, value: panel.values.valueOf(id) ?? null, kind, settable, rev: panel.values.revOf(id) };
}

/** The channel of this name, or the answer that the page has none. */
function channelNamed(panel: Panel, name: string): ChannelInfo | Answer {
  const { channels } = panel.refresh();
  const info = panel.named(name);
  if (info !== undefined) return info;
  const help = didYouMean(
    name,
    channels.map((each) => each.name),
    "channels",
  );
  return errorAnswer(404, "channel", [`there is no channel '${name}'`, ...help].join("; "));
}

/** A channel that can be set to a value, or why not. */
function settable(panel: Panel, name: string): ChannelInfo | Answer {
  const info = channelNamed(panel, name);
  if ("status" in info || info.settable) return info;
  return errorAnswer(409, "settable", `'${name}' can't be set: it only shows what it receives`);
}

const TYPES = ["application/json", "text/plain", ""];
const OUT_OF_RANGE = errorAnswer(400, "value", "a value is a number from 0 to 1");

/** The JSON of a body, or what is wrong with it. */
function json({ type, body }: WebRequest): { readonly value: unknown } | Answer {
  if (!TYPES.includes(type)) return errorAnswer(415, "type", "send Content-Type: application/json or text/plain");
  try {
    return { value: JSON.parse(body.toString("utf8")) };
  } catch {
    return errorAnswer(400, "json", "the body is not JSON");
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function putOne(panel: Panel, name: string, request: WebRequest): Answer {
  const info = settable(panel, name);
  if ("status" in info) return info;
  const found = json(request);
  if ("status" in found) return found;
  const value = isObject(found.value) ? found.value.value : found.value;
  if (!isValue(value)) return OUT_OF_RANGE;
  panel.set(info.id, value, ROUTER);
  return { status: 204 };
}

function putSeveral(panel: Panel, request: WebRequest): Answer {
  const found = json(request);
  if ("status" in found) return found;
  if (!isObject(found.value)) return errorAnswer(400, "json", "the body is an object: names with their values");
  const all: [number, number][] = [];
  for (const [name, value] of Object.entries(found.value)) {
    const info = settable(panel, name);
    if ("status" in info) return info;
    if (!isValue(value)) return errorAnswer(400, "value", `the value of '${name}' is not a number from 0 to 1`);
    all.push([info.id, value]);
  }
  for (const [id, value] of all) panel.set(id, value, ROUTER);
  return { status: 204 };
}

function press(panel: Panel, request: WebRequest): Answer {
  // A form of a foreign page could send other types, where no token is needed.
  if (request.type !== "application/json" && !request.hasToken) {
    return errorAnswer(415, "type", "send Content-Type: application/json, or a token");
  }
  const name = request.query.get("name");
  if (name === null) return errorAnswer(400, "name", "write ?name=CHANNEL");
  const info = settable(panel, name);
  if ("status" in info) return info;
  panel.press(info.id);
  return { status: 202 };
}
