import type { Event, Grouping } from "./grouping.js";
import { channelsOf, isPython, type Mapping, type Output, type PythonInstance, type Scenario } from "./scenario.js";

/** A line of the log that recorder.py writes. */
export type Entry = readonly unknown[];

export interface Prediction {
  readonly log: readonly Entry[];
  /** How many handler calls there have been in all when the initial values, then each stimulus, have been handled. */
  readonly calls: readonly number[];
}

/** The most events that one stimulus may cause: many more, and it is a feedback loop that does not die out. */
const MAX_EVENTS = 400;

export class EndlessFeedback extends Error {}

/**
 * Says what a scenario's log must be.
 *
 * @throws {EndlessFeedback}
 */
export function predict(scenario: Scenario, group: Grouping): Prediction {
  return new Model(scenario, group).run();
}

interface Channel {
  input: number;
  output: number;
  initial: boolean;
}

class Model {
  readonly #scenario: Scenario;
  readonly #group: Grouping;
  /** By instance, in order of creation. */
  readonly #channels = new Map<string, Map<string, Channel>>();
  /** By instance and channel; as sets, since the same pair twice counts once. */
  readonly #targets = new Map<string, Map<string, Pick<Event, "instance" | "channel">>>();
  readonly #log: Entry[] = [];
  #next: Event[] = [];
  #calls = 0;

  constructor(scenario: Scenario, group: Grouping) {
    this.#scenario = scenario;
    this.#group = group;
  }

  run(): Prediction {
    const { instances, mappings, stimuli, driver } = this.#scenario;
    for (const instance of instances) {
      this.#channels.set(instance.name, new Map());
      if (isPython(instance)) this.#loadModules(instance);
    }
    for (const mapping of mappings) this.#map(mapping);

    for (const { name } of instances) {
      for (const [channel, { initial, output }] of this.#all(name)) if (initial) this.#emit(name, channel, output);
    }
    const calls = [this.#settle()];
    for (const [number, outputs] of stimuli.entries()) {
      this.#log.push(["stimulus", driver, number, null, outputs.map((output) => this.#output(driver, output))]);
      calls.push(this.#settle());
    }

    for (const { name } of instances.filter(isPython)) {
      const channels = [...this.#all(name)].map(([channel, { input, output }]) => [channel, input, output]);
      this.#log.push(["end", name, null, channels]);
    }
    return { log: this.#log, calls };
  }

  #all(instance: string): Map<string, Channel> {
    return this.#channels.get(instance) as Map<string, Channel>;
  }

  #create(instance: string, channel: string): Channel {
    const known = this.#all(instance).get(channel);
    if (known !== undefined) return known;
    const created = { input: 0, output: 0, initial: false };
    this.#all(instance).set(channel, created);
    return created;
  }

  #loadModules({ name, modules }: PythonInstance): void {
    for (const module of modules) {
      const seen = module.initial.map(({ channel, value }) => {
        const created = this.#create(name, channel);
        created.output = clamp(value);
        created.initial = true;
        return created.output;
      });
      this.#log.push(["load", name, module.name, null, seen, [...this.#all(name).keys()]]);
    }
  }

  #map({ left, arrow, right }: Mapping): void {
    if (arrow !== "<") this.#mapOneWay(left, right);
    if (arrow !== ">") this.#mapOneWay(right, left);
  }

  #mapOneWay(from: Mapping["left"], to: Mapping["left"]): void {
    const sources = channelsOf(from);
    const targets = channelsOf(to);
    for (let i = 0; i < Math.max(sources.length, targets.length); ++i) {
      const source = (sources.length === 1 ? sources[0] : sources[i]) as string;
      const target = (targets.length === 1 ? targets[0] : targets[i]) as string;
      this.#create(from.instance, source);
      this.#create(to.instance, target);
      const key = `${from.instance}.${source}`;
      const known = this.#targets.get(key) ?? new Map();
      this.#targets.set(key, known.set(`${to.instance}.${target}`, { instance: to.instance, channel: target }));
    }
  }

  #emit(instance: string, channel: string, value: number): void {
    for (const target of this.#targets.get(`${instance}.${channel}`)?.values() ?? []) {
      this.#next.push({ ...target, value });
    }
  }

  /** midimonster.output(), then midimonster.outputvalue(). */
  #output(instance: string, { channel, value }: Output): number | null {
    const known = this.#all(instance).get(channel);
    if (known === undefined) return null;
    known.output = clamp(value);
    this.#emit(instance, channel, known.output);
    return known.output;
  }

  /** Delivers rounds until there is nothing left. Returns how many handler calls there have been so far. */
  #settle(): number {
    let events = 0;
    while (this.#next.length > 0) {
      const round = this.#next;
      this.#next = [];
      events += round.length;
      if (events > MAX_EVENTS) throw new EndlessFeedback();
      for (const event of this.#group(round).flat()) this.#deliver(event);
    }
    return this.#calls;
  }

  #deliver({ instance: name, channel, value }: Event): void {
    const instance = this.#scenario.instances.find((one) => one.name === name);
    const state = this.#all(name).get(channel) as Channel;
    if (instance === undefined || !isPython(instance)) this.#emit(name, channel, value);
    else this.#call(instance, channel, value);
    state.input = value;
  }

  #call(instance: PythonInstance, channel: string, value: number): void {
    const path = channel.includes(".") ? channel : instance.defaultHandler;
    const [moduleName, functionName] = path?.split(".") ?? [];
    const module = instance.modules.find(({ name }) => name === moduleName);
    const handler = module?.handlers.get(functionName ?? "");
    if (handler === undefined) return;
    ++this.#calls;
    const { name } = instance;
    const input = this.#all(name).get(channel)?.input;
    const peeked = this.#all(name).get(handler.peek);
    const seen = [peeked?.input ?? null, peeked?.output ?? null];
    const outputs = handler.transforms
      .filter(({ above }) => value > above)
      .map(({ channel, factor, offset }) => this.#output(name, { channel, value: factor * value + offset }));
    this.#log.push(["call", name, channel, functionName, value, input, seen, outputs]);
  }
}

// Not Math.min() and Math.max(): -0 stays -0.
function clamp(value: number): number {
  if (value > 1) return 1;
  if (value < 0) return 0;
  return value;
}
