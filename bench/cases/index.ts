import type { BenchCase } from "../case.js";
import { ARTNET_CASE } from "./artnet.js";
import { BATCH_CASE } from "./batch.js";
import { CHANNELS_CASE, EVENT_CASES } from "./events.js";
import { LOAD_CASE, RSS_CASE, START_CASE } from "./footprint.js";
import { INTERVAL_CASE } from "./interval.js";
import { JS_BACKEND_CASE } from "./js-backend.js";
import { OSC_CASE } from "./osc.js";
import { OTHERS_CASE } from "./others.js";
import { TAP_CASE } from "./tap.js";
import { UDP_CASE } from "./udp.js";

export const CASES: readonly BenchCase[] = [
  ...EVENT_CASES,
  BATCH_CASE,
  JS_BACKEND_CASE,
  TAP_CASE,
  UDP_CASE,
  OSC_CASE,
  INTERVAL_CASE,
  LOAD_CASE,
  START_CASE,
  RSS_CASE,
  ARTNET_CASE,
  OTHERS_CASE,
  CHANNELS_CASE,
];
