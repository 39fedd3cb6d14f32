// How long each file of tests took when it last ran. What takes longest begins first, so that no processor is idle at the end.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { folder } from "./files.mjs";

const file = path.join(folder, "build", "test-times.json");

/** In seconds, for a first run: the others take less. */
const USUALLY = {
  leaks: 60,
  "reentrancy-everywhere": 60,
  package: 60,
  native: 60,
  service: 40,
  lifecycle: 20,
  doctor: 15,
  "faults-loops": 15,
  "faults-threads": 15,
  "faults-clock": 15,
  "backend-channels": 12,
  "backend-life": 12,
};

function lastTimes() {
  try {
    return { ...USUALLY, ...JSON.parse(readFileSync(file, "utf8")) };
  } catch {
    return USUALLY; // none yet, or a file that was cut off
  }
}

/** @param {readonly string[]} names of files; @returns {string[]} those that take longest first */
export function inOrderOfTime(names) {
  const times = lastTimes();
  return [...names].sort((a, b) => (times[b] ?? 0) - (times[a] ?? 0));
}

/** @param {readonly {readonly name: string, readonly seconds: string}[]} finished */
export function rememberTimes(finished) {
  const times = Object.fromEntries(finished.map(({ name, seconds }) => [name, Number(seconds)]));
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ ...lastTimes(), ...times }, undefined, 2));
}
