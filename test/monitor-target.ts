// A router that is watched: a session with a monitor and metrics on a port of its own.
import { binding } from "../lib/binding.js";
import { serveHealth, serveMetrics } from "../lib/web/metrics.js";
import { Monitor } from "../lib/web/monitor/monitor.js";
import { attach, type Site } from "../lib/web/site.js";
import { type Session, start, stopSessions } from "./session.js";
import { endPeers, WebSocketPeer } from "./web-peer.js";

const sites: Site[] = [];

export interface Watched {
  readonly session: Session;
  readonly site: Site;
  readonly url: string;
  peer(): Promise<WebSocketPeer>;
}

export async function watch(
  config: string,
  files: Record<string, string> = {},
  { control = false } = {},
): Promise<Watched> {
  const session = await start(config, files);
  const { view } = session.router;
  if (view === undefined) throw new Error("the router is not loaded");
  const site = await attach({
    name: "monitor",
    owner: "monitor",
    address: { host: "127.0.0.1", port: 0 },
    access: { hosts: [], origins: [], section: "[web page]" },
    log: session.log,
  });
  sites.push(site);
  new Monitor({ site, view, prefix: "", control, version: "1.2.3" });
  serveMetrics(site, view, "1.2.3");
  serveHealth(site, view);
  const url = `http://127.0.0.1:${site.bound.port}`;
  return {
    session,
    site,
    url,
    async peer() {
      const peer = new WebSocketPeer(`${url.replace("http", "ws")}/ws`);
      await peer.until("state");
      return peer;
    },
  };
}

export async function endWatched(): Promise<void> {
  endPeers();
  for (const site of sites.splice(0)) await site.close("the test ends", false);
  await stopSessions();
}

/** How often the table of last values was switched on (true) and off, while `work` ran. */
export async function switches(work: () => Promise<void>): Promise<boolean[]> {
  const native = binding();
  const { live } = native;
  const seen: boolean[] = [];
  native.live = (core, on) => {
    seen.push(on);
    live(core, on);
  };
  try {
    await work();
  } finally {
    native.live = live;
  }
  return seen;
}
