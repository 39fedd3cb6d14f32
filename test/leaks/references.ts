/** A router with an instance that counts the references of the whole of CPython; it needs a debug build of it. */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Router } from "../../lib/engine/router.js";
import { silentLogger } from "../../lib/log/log.js";
import { ProbeBackend, type ProbeInstance } from "../probe-backend.js";

export const folder = path.dirname(fileURLToPath(import.meta.url));

/** So many references to None the native part may keep before CPython 3.12 (native/python/module.c). */
const MAX_SPARE_NONES = 1024;

export class Counting {
  readonly #backend = new ProbeBackend();
  readonly router: Router;

  /**
   * @param functions of events.py that can be run
   * @param interpreter of the instance
   */
  constructor(functions: readonly string[], interpreter: "main" | "own" = "own") {
    const names = `{${[...functions, "calls", "nothing", "count"].join(",")}}`;
    this.router = new Router({ folder, logger: silentLogger, backends: [this.#backend] })
      // Far off: a busy machine may let any function wait for a while, and the first warning of each is remembered.
      .backend("python", { "handler-warn": "2000", "handler-timeout": "4000" })
      .instance("probe", "probe")
      .instance("loopback", "l")
      .instance("python", "py", { module: "events", "default-handler": "events.fallback", interpreter })
      .map(`probe.${names}`, `py.events.${names}`)
      .map("probe.knob", "py.knob")
      .map("py.{done,references}", "probe.{done,references}")
      .map("py.{out,a,b,c}", "l.{out,a,b,c}")
      .map("py.o{1..16}", "l.x{1..16}")
      .map("l.x{1..16}", "py.i{1..16}")
      .map("py.tick", "py.events.tick");
  }

  get #probe(): ProbeInstance {
    const probe = this.#backend.instances.get("probe");
    if (probe === undefined) throw new Error("the router has not started");
    return probe;
  }

  /** Emits events on a channel, and waits until they have led to so many calls. */
  async run(channel: string, events: number, calls: number): Promise<void> {
    const probe = this.#probe;
    probe.received.length = 0;
    probe.emit("calls", calls / 2 ** 32);
    for (let i = 1; i <= events; ++i) {
      probe.emit(channel, (i % 1000) / 1000);
      if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await probe.until("done");
  }

  /** `sys.gettotalrefcount()`, while the native part keeps as many spare references as it can. */
  async references(): Promise<number> {
    const probe = this.#probe;
    for (let i = 0; i < MAX_SPARE_NONES; ++i) probe.emit("nothing", 1);
    probe.received.length = 0;
    probe.emit("count", 1);
    const [value = Number.NaN] = await probe.until("references");
    return value * 2 ** 32;
  }
}
