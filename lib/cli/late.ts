// What only some options and commands need: in files of their own, which are read then.
import type { LiveView } from "../engine/live-view.js";
import type { Logger } from "../log/log.js";
import type { CommandLine, WebPlace } from "./options.js";

export async function serveMonitor(
  place: WebPlace,
  control: boolean,
  view: LiveView,
  logger: Logger,
): Promise<() => Promise<void>> {
  return (await import("./monitor-server.js")).serveMonitor(place, control, view, logger);
}

export async function monitorClient(line: CommandLine): Promise<number> {
  return (await import("./monitor-client.js")).monitorClient(line);
}
