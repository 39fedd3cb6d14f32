import artnet from "./artnet/index.js";
import type { BackendDeclaration } from "./declare.js";
import loopback from "./loopback/index.js";
import midi from "./midi/index.js";
import mqtt from "./mqtt/index.js";
import osc from "./osc/index.js";
import python from "./python/index.js";
import sacn from "./sacn/index.js";
import web from "./web/index.js";

/** The backends of this package. To add one, create a folder here and add a line to this list. */
export const BACKENDS: readonly BackendDeclaration[] = [python, loopback, osc, artnet, sacn, mqtt, midi, web];
