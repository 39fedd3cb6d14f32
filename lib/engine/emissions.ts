// Events that instances of TypeScript backends emit.
import { types } from "node:util";
import type { EventBatch } from "../backends/instance.js";
import { textOf } from "../errors.js";
import type { ReportLog } from "../log/report-log.js";
import type { LiveInstance } from "./instances.js";
import type { Outbox } from "./outbox.js";

export class Emissions {
  readonly #outbox: Outbox;
  readonly #reports: () => ReportLog;

  constructor(outbox: Outbox, reports: () => ReportLog) {
    this.#outbox = outbox;
    this.#reports = reports;
  }

  /** Called in callbacks of sockets and timers, where an exception would end the process: invalid events are reported instead. */
  emit(live: LiveInstance | undefined, name: string, channel: number, value: number): void {
    if (live?.connected === undefined) {
      this.#reports().badEmit(name, "time", "an instance can emit from its start() on, until its stop()");
    } else if (!(Number.isInteger(channel) && channel >= 0 && channel < live.connected)) {
      this.#reports().badEmit(name, "channel", `there is no channel number ${textOf(channel)}`);
    } else if (typeof value !== "number" || Number.isNaN(value)) {
      this.#reports().badEmit(name, "value", `an event's value is a number, not ${textOf(value)}`);
    } else {
      this.#outbox.put(live.number, channel, Math.min(1, Math.max(0, value)));
    }
  }

  /** The same for many events, which the core checks: only if it leaves some out, they are looked at here. */
  emitBatch(live: LiveInstance | undefined, name: string, batch: EventBatch): void {
    if (!isBatch(batch)) {
      const needed = "emitBatch() takes { length, channels, values }: a whole number, a Uint32Array and a Float64Array";
      this.#reports().badEmit(name, "batch", needed);
      return;
    }
    const { length, channels, values } = batch;
    const { connected } = live ?? {};
    if (live === undefined || connected === undefined) {
      if (length > 0) this.emit(live, name, 0, 0);
      return;
    }
    if (this.#outbox.pass(live.number, channels, values, length) === 0) return;
    for (let i = 0; i < Math.min(length, channels.length, values.length); ++i) {
      const [channel, value] = [channels[i] as number, values[i] as number];
      if (channel >= connected || Number.isNaN(value)) this.emit(live, name, channel, value);
    }
  }
}

/** JavaScript has no compiler that would have checked it, and an exception would end the process of a backend's timer. */
function isBatch(batch: EventBatch | null | undefined): batch is EventBatch {
  return (
    types.isUint32Array(batch?.channels) &&
    types.isFloat64Array(batch.values) &&
    Number.isInteger(batch.length) &&
    batch.length >= 0
  );
}
