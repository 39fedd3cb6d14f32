// `mmpy --monitor`: a site of its own for the monitor and metrics.
import { isIP } from "node:net";
import type { LiveView } from "../engine/live-view.js";
import { MidimonsterError, messageOf } from "../errors.js";
import { interfaces } from "../interfaces.js";
import type { Logger } from "../log/log.js";
import { packageVersion } from "../package-version.js";
import { serveHealth, serveMetrics } from "../web/metrics.js";
import { Monitor } from "../web/monitor/monitor.js";
import { attach, type Site } from "../web/site.js";
import { newToken, Tokens } from "../web/tokens.js";
import type { WebPlace } from "./options.js";

/**
 * Serves the monitor of a loaded router. Another address than loopback needs a token, which is made here.
 *
 * @returns a function that ends it
 * @throws {MidimonsterError} `BACKEND` if the address can't be used
 */
export async function serveMonitor(
  place: WebPlace,
  control: boolean,
  view: LiveView,
  logger: Logger,
): Promise<() => Promise<void>> {
  const token = isLoopback(place.host) ? undefined : newToken();
  const access = {
    hosts: [],
    origins: [],
    section: "a [web] section with monitor = on",
    ...(token !== undefined && { tokens: new Tokens({ control: token }) }),
  };
  let site: Site;
  try {
    site = await attach({ name: "monitor", owner: "monitor", address: place, access, log: logger });
  } catch (error) {
    throw new MidimonsterError("BACKEND", `the monitor could not be started: ${messageOf(error)}`);
  }
  const version = packageVersion();
  const monitor = new Monitor({ site, view, prefix: "", control, version });
  serveHealth(site, view);
  const end = serveMetrics(site, view, version);
  const { address, port } = site.bound;
  const url = `http://${hostOf(address)}:${port}/${token === undefined ? "" : `#token=${token}`}`;
  // No comma after the address: it would be copied with the token.
  logger.info({ port }, `the monitor is at ${url}${token === undefined ? "" : " (its token is for this run)"}`);
  return async () => {
    end();
    await site.close("the router stops", true);
    monitor.close();
  };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** A number that others can use, where it listens on all. */
function hostOf(address: string): string {
  if (address !== "0.0.0.0" && address !== "::") return isIP(address) === 6 ? `[${address}]` : address;
  const own = Object.values(interfaces()).flatMap((list) => list ?? []);
  return own.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";
}
