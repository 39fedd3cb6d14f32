/** What a case is, and what it measures with. */

/** One thing that was measured, several times. */
export interface Measurement {
  /** As in `hop` or `udp p99`. */
  readonly name: string;
  readonly what: string;
  readonly unit: string;
  /** A value a run; runs of one measurement were made alternately. */
  readonly ours: number[];
  /** Of the C reference; empty without one, or where it can't do it. */
  readonly reference: number[];
  /** Of what CPython alone takes for the same; empty where that means nothing. */
  readonly floor: number[];
}

export interface Bench {
  /** How often to run each of a pair. */
  readonly pairs: number;
  /** Shorter runs, to see that everything works. */
  readonly quick: boolean;
  /** The folder of the project. */
  readonly project: string;
  /** An interpreter with the libpython that both programs use. */
  readonly python: string;
  /** The reference's binary. */
  readonly reference: string | undefined;
  /** Says what is going on, on a terminal. */
  progress(text: string): void;
  /** Says what could not be measured and why. */
  skip(what: string, why: string): void;
  /** Where temporary files of this run go. */
  readonly folder: string;
}

export interface BenchCase {
  readonly name: string;
  readonly what: string;
  run(bench: Bench): Promise<Measurement[]>;
}
