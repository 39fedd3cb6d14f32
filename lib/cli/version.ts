import { packageVersion } from "../package-version.js";
import { print } from "./output.js";

export function version(): number {
  print(`midimonster-python ${packageVersion()}\n`);
  return 0;
}
