// What an instance does with the frames of its universe, whatever the protocol.
import { count } from "../../count.js";
import type { Logger } from "../../log/log.js";
import type { Channel, EventBatch } from "../instance.js";
import { DetectLog } from "./detect-log.js";
import { LimitedLog } from "./limited-log.js";
import { SlotInput } from "./slot-input.js";
import type { SlotMap } from "./slot-map.js";
import type { Detect } from "./slot-options.js";
import { MAX_SOURCES, type Merge, type Source, Sources } from "./slot-sources.js";
import { coarseOf, fineOf, type SlotMeaning } from "./slots.js";
import type { Fallback } from "./timeout-options.js";

export interface ReceiverSpec {
  readonly instance: string;
  /** For messages: `net 0, universe 1`. */
  readonly universe: string;
  readonly map: SlotMap;
  readonly merge: Merge;
  /** In s; 0: never. */
  readonly timeout: number;
  readonly fallback: Fallback;
  /** After this many ms without data a source is forgotten. */
  readonly sourceTimeout: number;
  readonly detect: Detect;
  readonly log: Logger;
  emitBatch(batch: EventBatch): void;
}

/** How many lines there are in a second of sources that come and go, with option `detect`. */
const SOURCES_PER_SECOND = 20;

/** @typeParam K what identifies a source */
export class SlotReceiver<K> {
  readonly sources: Sources<K>;
  readonly #spec: ReceiverSpec;
  readonly #input: SlotInput;
  readonly #warnings: LimitedLog;
  /** Of sources that come and go. */
  #detected: DetectLog | undefined;
  /** Of channels, by number. */
  readonly #names: string[] = [];

  constructor(spec: ReceiverSpec) {
    this.#spec = spec;
    const { instance, map, merge, timeout, fallback, sourceTimeout, detect, log, emitBatch } = spec;
    this.#warnings = new LimitedLog(log, { instance });
    this.#input = new SlotInput({
      map,
      timeout: timeout * 1000,
      fallback,
      emitBatch: detect === "verbose" ? this.#telling(emitBatch) : emitBatch,
      lost: (isLost) => this.#tellLoss(isLost),
    });
    this.sources = new Sources<K>({
      merge,
      timeout: sourceTimeout,
      changed: (source, present) => this.#tellSource(source, present),
      contended: () => this.#tellContention(),
      apply: (frame, start, count, now) => this.#input.apply(frame, start, count, now),
    });
  }

  /** When data last came, in ms since 1970. */
  get lastData(): number | undefined {
    const { lastData } = this.#input;
    // Not by an offset taken at the start: the system's clock may have been set since.
    return Number.isFinite(lastData) ? Math.round(Date.now() - performance.now() + lastData) : undefined;
  }

  /** Whether data has come lately. */
  isActive(now: number): boolean {
    return now - this.#input.lastData <= this.#spec.sourceTimeout;
  }

  /** Learns of channels; those that events come from make one with the next frame, whatever it is, if the instance runs. */
  connect(channels: readonly Channel<SlotMeaning>[], runs: boolean): void {
    for (const { index, name } of channels) this.#names[index] = name;
    if (!runs) return;
    for (const { use, meaning } of channels) {
      if (use === "output") this.#input.forget([coarseOf(meaning), fineOf(meaning)].filter((slot) => slot >= 0));
    }
  }

  /**
   * Another instance has emitted before: the last values of its channels are unknown.
   *
   * @param before what it received with
   * @param continues whether that was the same universe, from the same sources
   */
  takeOver(before: SlotReceiver<K>, continues: boolean): void {
    this.#input.takeOver(before.#input);
    if (continues) this.sources.adopt(before.sources);
  }

  /** A source that has not been heard before; undefined if there are too many. */
  addSource(key: K, name: string, priority: number, now: number): Source<K> | undefined {
    this.sources.expire(now);
    const source = this.sources.add(key, name, priority, now);
    if (source !== undefined) return source;
    const { instance, universe } = this.#spec;
    this.#warnings.warn(
      "many",
      () => `${instance}: more than ${MAX_SOURCES} sources send ${universe}; ${name} is ignored`,
      (more) => `${instance}: ignored ${count(more, "more frame")} of further sources of ${universe}`,
    );
    return undefined;
  }

  /** A source has said that it ends. */
  endSource(source: Source<K>): void {
    this.sources.remove(source);
    if (this.sources.list.length === 0) this.#input.ended();
  }

  stop(): void {
    this.#input.stop();
    this.#warnings.close();
  }

  #telling(emitBatch: ReceiverSpec["emitBatch"]): ReceiverSpec["emitBatch"] {
    const { instance, log } = this.#spec;
    const values = new DetectLog(log, instance);
    return (batch) => {
      const now = performance.now();
      for (let i = 0; i < batch.length; ++i) {
        const [channel, value] = [batch.channels[i] as number, batch.values[i] as number];
        const name = this.#names[channel];
        const fields = { instance, channel: name, value };
        values.tell(channel, now, fields, () => `${instance}: ${instance}.${name} = ${value.toFixed(4)}`);
      }
      emitBatch(batch);
    };
  }

  #tellSource({ name }: Source<K>, present: boolean): void {
    const { instance, universe, detect, log } = this.#spec;
    if (detect === "off") return;
    this.#detected ??= new DetectLog(log, instance, SOURCES_PER_SECOND);
    const message = `${instance}: ${name} ${present ? "sends" : "does not send"} ${universe}`;
    this.#detected.tell(message, performance.now(), { instance, peer: name }, () => message);
  }

  #tellContention(): void {
    const { instance, universe } = this.#spec;
    const { list } = this.sources;
    this.#warnings.warn(
      "sources",
      () =>
        `${instance}: ${list.length} sources send ${universe}: ${list.map((each) => each.name).join(", ")}; the last frame ` +
        "counts, so levels may flicker. 'merge = htp' or 'ltp' combines them",
      (more) => `${instance}: the source of ${universe} has changed ${count(more, "more time")}`,
    );
  }

  #tellLoss(isLost: boolean): void {
    const { instance, universe, timeout, fallback, log } = this.#spec;
    if (!isLost) {
      log.info({ instance }, `${instance}: ${universe} is received again`);
      return;
    }
    const what = fallback === "hold" ? "keep their values" : `go to ${fallback}`;
    log.warn({ instance }, `${instance}: no data of ${universe} for ${timeout} s; its channels ${what}`);
  }
}
