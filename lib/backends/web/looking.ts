// What lets people and programs look at the router through a page's server: metrics, and the monitor if it is switched on.
import type { LiveView } from "../../engine/live-view.js";
import { serveMetrics } from "../../web/metrics.js";
import { Monitor } from "../../web/monitor/monitor.js";
import type { Site } from "../../web/site.js";

interface Wanted {
  readonly monitor: boolean;
  readonly control: boolean;
}

export class Looking {
  readonly #view: LiveView;
  readonly #version: string;
  #site: Site | undefined;
  #wanted: Wanted = { monitor: false, control: false };
  #monitor: Monitor | undefined;
  #endMetrics: (() => void) | undefined;

  constructor(view: LiveView, version: string) {
    this.#view = view;
    this.#version = version;
  }

  /** Has a site serve it, as wanted; the one before no longer. */
  apply(site: Site, { monitor, control }: Wanted): void {
    const isSame = site === this.#site && monitor === this.#wanted.monitor && control === this.#wanted.control;
    if (isSame) return;
    if (site !== this.#site) {
      this.#endMetrics?.();
      this.#endMetrics = serveMetrics(site, this.#view, this.#version);
    }
    this.#monitor?.close();
    this.#monitor = undefined;
    this.#site = site;
    this.#wanted = { monitor, control };
    if (!monitor) return;
    this.#monitor = new Monitor({ site, view: this.#view, prefix: "/monitor", control, version: this.#version });
  }

  end(): void {
    this.#endMetrics?.();
    this.#monitor?.close();
  }
}
