import { existsSync } from "node:fs";
import path from "node:path";
import { declareBackend } from "../declare.js";
import { option } from "../options.js";

const MIN_TIME = 50; // ms; the watchdog checks every 25

export const options = {
  python: option.custom(
    {
      doc: "the Python to use: an interpreter, a virtual environment's folder, a command on PATH, or a version",
      example: "./venv",
    },
    {
      kind: "python",
      form: "PATH | COMMAND | VERSION",
      parse: (text, folder) => ({ value: pythonNamed(text, folder) }),
    },
  ),
  "own-process": option.flag({
    doc: "whether instances run in processes of their own, unless they say otherwise; see docs/processes.md",
    default: false,
  }),
  deepbind: option.flag({
    doc: "whether Python's libraries prefer their own OpenSSL and zlib over Node's",
    default: true,
  }),
  "handler-warn": option.milliseconds({
    doc: "time after which a handler, interval or socket function that is still running is logged, with its current position",
    default: 100,
    min: MIN_TIME,
  }),
  "handler-timeout": option.milliseconds({
    doc: "time after which a handler, interval or socket function is interrupted by an exception",
    default: 0,
    min: MIN_TIME,
  }),
};

export const instanceOptions = {
  module: option.text({
    doc: "a Python module to load",
    form: "MODULE",
    example: "my_handlers",
    repeatable: true,
    live: "append",
  }),
  interpreter: option.choice(["main", "own"], {
    doc: "CPython's main interpreter, which one instance of a process can have, or one of its own; by default main for the first instance, unless another one asks for it",
    example: "main",
  }),
  "default-handler": option.text({
    doc: "the function that handles channels without a dot",
    form: "MODULE.FUNCTION",
    example: "my_handlers.fader",
    live: true,
  }),
  "own-process": option.flag({
    doc: "whether it runs in a process of its own, by default as [backend python] says",
  }),
  python: option.custom(
    {
      doc: "with own-process: the Python that runs it, by default that of [backend python]",
      example: "./venv",
    },
    {
      kind: "python",
      form: "PATH | COMMAND | VERSION",
      parse: (text, folder) => ({ value: pythonNamed(text, folder) }),
    },
  ),
  "memory-limit": option.custom(
    { doc: "with own-process: how much memory its data may take; more raises MemoryError", example: "256M" },
    { kind: "memory", form: "NUMBER M | NUMBER G", parse: (text) => memoryOf(text) },
  ),
  restart: option.flag({
    doc: "with own-process: whether it is started again when its process has ended",
    default: true,
  }),
};

export default declareBackend({
  name: "python",
  summary: "runs Python modules, each instance in an interpreter of its own",
  options,
  instanceOptions,
  channels: {
    forms: [
      { form: "MODULE.FUNCTION", doc: "calls the function with the value of each event", example: "my_handlers.fader" },
      { form: "NAME", doc: "a channel that the module outputs on and reads; no dot in it", example: "dimmer" },
    ],
  },
  examples: ["quickstart.cfg", "fade.cfg", "latch.cfg", "osc.cfg", "specification.cfg"],
  load: () => import("./python.js"),
});

const SMALLEST = 48; // MiB; Python itself and the stacks of its threads take about 35

function memoryOf(text: string): { readonly value: number } | { readonly problem: string } {
  const [, digits, unit] = /^(\d{1,6})\s*([MG])$/i.exec(text) ?? [];
  const mebibytes = Number(digits) * (unit?.toUpperCase() === "G" ? 1024 : 1);
  if (digits !== undefined && mebibytes >= SMALLEST) return { value: mebibytes * 2 ** 20 };
  return { problem: `is an amount of memory, ${SMALLEST}M or more, such as 256M or 1G; not '${text}'` };
}

/** The meaning of option `python`, wherever it is read: an absolute path, or a word that is a command or a version. */
export function pythonNamed(value: string, folder: string): string {
  // A bare word is a command or a version, unless there is a folder of that name here: a virtual environment.
  const file = path.resolve(folder, value);
  return value.includes(path.sep) || existsSync(file) ? file : value;
}
