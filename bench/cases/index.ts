import type { BenchCase } from "../case.js";
import { ASYNC_CASE } from "./async.js";
import { BATCH_CASE } from "./batch.js";
import { DMX_CASES } from "./dmx.js";
import { CHANNELS_CASE, EVENT_CASES } from "./events.js";
import { FILTERS_CASES } from "./filters.js";
import { LOAD_CASE, RSS_CASE, START_CASE } from "./footprint.js";
import { INTERVAL_CASE } from "./interval.js";
import { JS_BACKEND_CASE } from "./js-backend.js";
import { MONITOR_CASE } from "./monitor.js";
import { MQTT_CASE } from "./mqtt.js";
import { OSC_CASE } from "./osc.js";
import { OTHERS_CASE } from "./others.js";
import { PROCESS_CASE } from "./process.js";
import { TAP_CASE } from "./tap.js";
import { UDP_CASE } from "./udp.js";

/** Named `protocols` together. */
export const PROTOCOL_CASES: readonly BenchCase[] = [...DMX_CASES, OSC_CASE, MQTT_CASE];

export const CASES: readonly BenchCase[] = [
  ...EVENT_CASES,
  BATCH_CASE,
  JS_BACKEND_CASE,
  TAP_CASE,
  MONITOR_CASE,
  ...FILTERS_CASES,
  UDP_CASE,
  INTERVAL_CASE,
  ASYNC_CASE,
  LOAD_CASE,
  START_CASE,
  RSS_CASE,
  OTHERS_CASE,
  PROCESS_CASE,
  ...PROTOCOL_CASES,
  CHANNELS_CASE,
];
