import type { BackendDeclaration } from "./declare.js";
import loopback from "./loopback/index.js";
import mqtt from "./mqtt/index.js";
import python from "./python/index.js";

/** The backends of this package. To add one, create a folder here and add a line to this list. */
export const BACKENDS: readonly BackendDeclaration[] = [python, loopback, mqtt];
