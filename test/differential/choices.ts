import { fc } from "../properties.js";

/** Makes the choices of one scenario. */
export class Choices {
  readonly #generate: fc.GeneratorValue;

  constructor(generate: fc.GeneratorValue) {
    this.#generate = generate;
  }

  /** Both limits included. */
  integer(min: number, max: number): number {
    return this.#generate(fc.integer, { min, max });
  }

  // fc.double() has as many numbers below 1e-100 as above.
  double(min: number, max: number): number {
    return min + (max - min) * (this.#generate(fc.maxSafeNat) / Number.MAX_SAFE_INTEGER);
  }

  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean {
    return this.integer(1, 100) <= percent;
  }

  of<T>(options: readonly T[]): T {
    return options[this.integer(0, options.length - 1)] as T;
  }

  times<T>(count: number, make: (index: number) => T): T[] {
    return Array.from({ length: count }, (_, i) => make(i));
  }

  shuffled<T>(items: readonly T[]): T[] {
    return this.#generate(fc.shuffledSubarray<T>, [...items], { minLength: items.length });
  }
}
