// Where events that come from outside enter: channels by their names, for Router.send().
import { didYouMean } from "../config/suggest.js";
import { MidimonsterError, textOf } from "../errors.js";
import type { Assembly } from "./assembly.js";
import type { InstanceEntry } from "./instances.js";

interface Door {
  /** Number of the instance in the core. */
  readonly instance: number;
  /** Of the channel, within its instance. */
  readonly index: number;
  /** Nothing is mapped from the channel: an event on it is for its instance. */
  readonly toItself: boolean;
}

/** The channels of one configuration that its mappings use. Names are read when one of the instance is first asked for. */
export class Doors {
  readonly #assembly: Assembly;
  /** By the whole name, `instance.channel`, as it was asked for. */
  readonly #known = new Map<string, Door>();
  readonly #numbers = new Map<InstanceEntry, ReadonlyMap<string, number>>();

  constructor(assembly: Assembly) {
    this.#assembly = assembly;
  }

  /** @throws {MidimonsterError} `VALUE` for a channel that no mapping uses */
  find(name: string): Door {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const [entry, index] = this.#lookUp(name);
    const door = { instance: entry.live.number, index, toItself: !entry.uses(index).includes("output") };
    this.#known.set(name, door);
    return door;
  }

  #lookUp(name: string): readonly [InstanceEntry, number] {
    const dot = typeof name === "string" ? name.indexOf(".") : -1;
    if (dot <= 0 || dot === name.length - 1) {
      throw new MidimonsterError("VALUE", `send() needs a channel as 'instance.channel', not ${textOf(name)}`);
    }
    const [instance, channel] = [name.slice(0, dot), name.slice(dot + 1)];
    const entry = this.#assembly.byName.get(instance);
    if (entry === undefined) {
      throw refusal(
        `no instance '${instance}'`,
        didYouMean(instance, this.#assembly.byName.keys(), "available instances"),
      );
    }
    const numbers = this.#numbersOf(entry);
    const number = numbers.get(channel) ?? numbers.get(canonical(entry, channel) ?? channel);
    if (number !== undefined) return [entry, number];
    throw refusal(`no mapping uses '${name}'`, didYouMean(channel, numbers.keys(), `channels of '${instance}'`));
  }

  #numbersOf(entry: InstanceEntry): ReadonlyMap<string, number> {
    let numbers = this.#numbers.get(entry);
    if (numbers === undefined) {
      const names = entry.channels.names(0, entry.channels.size);
      numbers = new Map([...names.entries()].filter(([i]) => entry.uses(i).length > 0).map(([i, name]) => [name, i]));
      this.#numbers.set(entry, numbers);
    }
    return numbers;
  }
}

/** The name under which the instance knows a channel, if it can be spelled in several ways. */
function canonical({ live, read: { options, patterns } }: InstanceEntry, written: string): string | undefined {
  for (const use of ["output", "input"] as const) {
    try {
      const parsed = live.backend.declaration.channels.parse?.(written, use, { options, patterns });
      if (parsed?.problem === undefined && parsed?.name !== undefined) return parsed.name;
    } catch {
      // A name that a backend can't read is unknown.
    }
  }
  return undefined;
}

function refusal(problem: string, help: readonly string[]): MidimonsterError {
  return new MidimonsterError("VALUE", [problem, ...help].join("; "));
}
