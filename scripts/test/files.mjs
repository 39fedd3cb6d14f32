// Which files of tests there are, and which of them are run when. Names are without folder and `.test.ts`.
import { readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");

/** Run by `npm run test:long`, not by `npm test`, and why. */
export const LONG = {
  "allocation-failures": "lets every allocation fail once",
  "async-deadlines": "waits for the deadlines of tasks that will not end",
  "async-leaks": "a hundred reloads and a hundred thousand tasks",
  "commonjs-types": "checks the types of the package and all that they use, twice",
  "config-fuzz": "thousands of configurations from pieces in any order",
  differential: "whole programs, beside a model of them",
  "dmx-peers": "joins OLA and other programs by a network of its own",
  docs: "runs the documentation",
  leaks: "counts references over hundreds of starts and reloads",
  "mqtt-faults": "waits for brokers that hang or come back",
  "mqtt-together": "floods a broker and kills it",
  "process-restarts": "restarts processes a thousand times",
  "reentrancy-everywhere": "calls every function of the module from every place",
  "monitor-page": "runs a browser",
  package: "compiles the addon twice, and installs the package with npm",
  stop: "waits for the deadlines of stops",
  "web-browser": "drives Chromium",
  "web-slow": "waits until clients that stall are closed",
};

/** What touches both Python and the event loop. */
const CORE = /^(async-.*|faults-.*|interpreter|lifecycle|module-.*|python-libraries|router-api)$/;

/** The same with every Python: packaging, and the unit tests of native/, which are no file in this folder. */
const WITHOUT_PYTHON = /^(addon-failure|install|package|native)$/;

/** What a python instance does, whatever it runs in: `npm run test:processes` runs these with `own-process = on`. */
const IN_PROCESSES = /^(async|faults|module|reload|watchdog)(-.*|)$/;

/** Of these, those that would do the same again, and why. */
const ONLY_HERE = {
  "async-deadlines": "waits for deadlines, which are the same",
  "async-leaks": "counts references in this process",
  "faults-callbacks": "the core's callbacks, without Python",
  "module-stub": "compares texts",
  "reload-commit": "other backends' part in a reload",
  "reload-emits": "events of other backends",
  "reload-memory": "other backends' memory",
  "reload-stop": "other backends' part in a stop",
  "watchdog-limits": "what several routers in a process have in common",
};

const all = ["native.test.ts", ...readdirSync(path.join(folder, "test"))]
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => path.basename(name, ".test.ts"));

/** The names of a set: `usual`, `long`, `core`, `processes`, or `python`, which is `usual` but for what is the same with every Python. */
export function filesOf(set) {
  const usual = all.filter((name) => !(name in LONG));
  switch (set) {
    case "usual":
      return usual;
    case "long":
      return all.filter((name) => name in LONG);
    case "core":
      return all.filter((name) => CORE.test(name));
    case "processes":
      return all.filter((name) => IN_PROCESSES.test(name) && !(name in ONLY_HERE));
    case "python":
      return usual.filter((name) => !WITHOUT_PYTHON.test(name));
    default:
      throw new Error(`no set of tests '${set}'`);
  }
}
