/**
 * Prints by how much the number of references grows with 100 starts and stops of a router, after ten more. Its argument is the
 * option `interpreter` of the router's instance.
 */

import { Router } from "../../lib/engine/router.js";
import { silentLogger } from "../../lib/log/log.js";
import { ProbeBackend } from "../probe-backend.js";
import { Counting, folder } from "./references.js";

const interpreter = process.argv[2] ?? "own";

async function cycle(): Promise<void> {
  const backend = new ProbeBackend();
  const router = new Router({ folder, logger: silentLogger, backends: [backend] })
    .instance("probe", "probe")
    .instance("loopback", "l")
    .instance("python", "py", { module: "cycle", "default-handler": "cycle.fallback", interpreter })
    .map("probe.{go,fail}", "py.cycle.{go,fail}")
    .map("probe.knob", "py.knob")
    .map("probe.o{1..2}", "py.o{1..2}")
    .map("py.{out,done}", "probe.{out,done}")
    .map("py.out", "l.out");
  await router.start();
  const probe = backend.instances.get("probe");
  for (const channel of ["go", "fail", "knob", "o1", "o2"]) probe?.emit(channel, 0.5);
  await probe?.until("done");
  await router.stop();
}

const counting = new Counting([], interpreter === "main" ? "own" : "main");
await counting.router.start();
for (let i = 0; i < 10; ++i) await cycle();
await counting.references(); // counting for the first time makes some itself
const before = await counting.references();
for (let i = 0; i < 100; ++i) await cycle();
console.log((await counting.references()) - before);
await counting.router.stop();
