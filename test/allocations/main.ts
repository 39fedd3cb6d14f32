// Runs with test/allocations/shim.cc preloaded: lets every allocation fail once. Prints what it has done; its end is the test's
// matter. Arguments: what to do, and the folder of the modules.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Router } from "../../lib/index.js";
import { ProbeBackend } from "../probe-backend.js";

const [what = "", folder = ""] = process.argv.slice(2);
const PATIENCE = 120_000;
const messages: string[] = [];
const note = (_: object, message: string) => {
  messages.push(message);
};
const logger = { error: note, warn: note, info() {}, debug() {} };
process.on("warning", ({ message }) => messages.push(message));
process.on("exit", (code) => {
  if (code !== 0) console.error(messages.slice(0, 20).join("\n"));
});

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("HANGS")), PATIENCE);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

const backend = new ProbeBackend();
const control = Router.fromFile(path.join(folder, "monster.cfg"), { logger, backends: [backend] });
await control.start();
const probe = backend.instances.get("probe");
if (probe === undefined) throw new Error("no probe");

let asked = 0;
async function fired(): Promise<boolean> {
  probe?.emit("disarms", 0);
  probe?.emit("disarms", 1);
  const values = await inTime(probe?.until("fired", ++asked) ?? Promise.reject(new Error("no probe")));
  return values.at(-1) === 1;
}

/** What `arm()` and `raising()` take: the n-th allocation, of the addon or also of CPython. */
const order = (n: number, python: boolean) => n / 100_000_000 + (python ? 0.5 : 0);

/** With CPython's own there are tens of thousands: so not every one fails. */
const STEPS: Record<string, number> = { start: 1999, reload: 53, stop: 29 };
const STEP = STEPS[what] ?? 1;

/** One allocation of an action fails after the other, until it has no more: the addon's, then CPython's too. */
async function each(name: string, action: () => Promise<void>, prepare = async () => {}): Promise<void> {
  for (const python of [false, true]) {
    let failures = 0;
    let unreached = 0; // those of a reload are more or fewer, depending on the one before
    let n = 1;
    for (; unreached < 3; n += python ? STEP : 1) {
      await prepare();
      probe?.emit("arm", order(n, python));
      try {
        await inTime(action());
      } catch (error) {
        ++failures;
        if (String(error).includes("HANGS")) throw new Error(`${name} hangs where allocation ${n} fails`);
        if (String(error).includes("bootstrap code"))
          throw new Error(`${name} is misled where allocation ${n} fails: ${error}`);
      }
      unreached = (await fired()) ? 0 : unreached + 1;
    }
    console.log(`${name}: ${n - 1} allocations${python ? ", with CPython's," : ","} ${failures} errors`);
  }
}

const other = (): Router => Router.fromFile(path.join(folder, "other.cfg"), { logger, backends: [new ProbeBackend()] });

if (what === "functions") {
  const count = Number(process.argv[4]);
  for (let i = 0; i < count; ++i) {
    probe.emit("within", i / 1000);
    await inTime(probe.until("done", i + 1));
  }
  for (const [channel, text] of [
    ["raising", "so that it is reported"],
    ["to_socket", "in a socket function"],
    ["b", "in a batch"],
  ] as const) {
    for (let i = 2; i < 400; ++i) {
      const value = order(Math.floor(i / 2), i % 2 === 1);
      if (channel === "raising") {
        probe.emit("raising", value);
      } else {
        probe.emit("arm", value);
        probe.emit(channel, 1);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
      await fired();
    }
    const reported = messages.some((message) => message.includes(`Odd: ${text}`));
    if (!reported) throw new Error(`what ${channel} raises is never reported`);
  }
} else if (what === "start") {
  await each("a start", async () => {
    const router = other();
    try {
      await router.start();
    } finally {
      await router.stop();
    }
  });
} else if (what === "stop") {
  let router: Router;
  const prepare = async () => {
    router = other();
    await router.start();
  };
  await each("a stop", () => router.stop(), prepare);
} else {
  const router = other();
  await router.start();
  const file = path.join(folder, "changing.py");
  const source = readFileSync(file, "utf8");
  const change = (n: number) => writeFileSync(file, `${source}generation = ${n}\n`);
  let generation = 0;
  await each("a reload", async () => {
    change(++generation);
    await router.reload();
  });
  change(0);
  await inTime(router.reload());
  await router.stop();
}
await inTime(control.stop());
console.log("ended well");
