import type { BackendDeclaration } from "./declare.js";
import loopback from "./loopback/index.js";
import python from "./python/index.js";

/** The backends of this package. One more is a folder here and a line in this list. */
export const BACKENDS: readonly BackendDeclaration[] = [python, loopback];
