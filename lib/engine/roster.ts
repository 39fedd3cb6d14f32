// Which instance has which number in the core.
import type { NativePart } from "../backends/instance.js";
import type { PythonException } from "../binding.js";
import { textOf } from "../errors.js";
import type { LiveInstance } from "./instances.js";

type Advise = NonNullable<NativePart["advise"]>;

export class Roster {
  /** Those that live, including those of a reload in preparation. */
  readonly #live = new Map<number, LiveInstance>();
  /** Names of past ones, too: their reports may come late. */
  readonly #names = new Map<number, string>();
  /** The one that is being created: it may have something to report before its number is known. */
  #creating: { readonly name: string; advise?: Advise } = { name: "?" };

  creating(name: string): void {
    this.#creating = { name };
  }

  /** The instance that is being created does the same as {@link NativePart.advise}. */
  advises(advise: Advise): void {
    this.#creating.advise = advise;
  }

  /**
   * @param count of the instances in the core
   * @throws {Error} if its number is not that of a new instance
   */
  add(live: LiveInstance, count: number): void {
    const { number, name } = live;
    const isOfCore = Number.isInteger(number) && number >= 0 && number < count;
    if (!isOfCore || this.#names.has(number)) {
      throw new Error(`its native part has the number ${textOf(number)}, which is not that of a new instance`);
    }
    this.#live.set(number, live);
    this.#names.set(number, name);
    this.#creating = { name };
  }

  remove({ number }: LiveInstance): void {
    this.#live.delete(number);
  }

  get(number: number): LiveInstance | undefined {
    return this.#live.get(number);
  }

  nameOf(number: number): string {
    return this.#names.get(number) ?? this.#creating.name;
  }

  /** What an instance advises about an exception of its code. */
  adviceOf(number: number, raised: PythonException): readonly string[] {
    return (this.#live.get(number)?.instance.native ?? this.#creating).advise?.(raised) ?? [];
  }
}
