/** Benchmark cases and their environment. */

/** A figure that was measured several times. */
export interface Measurement {
  /** For example `hop` or `udp p99`. */
  readonly name: string;
  readonly what: string;
  readonly unit: string;
  /** One value per run; runs of the programs alternate. */
  readonly ours: number[];
  /** The C reference's values; empty without a reference, or if it does not support the case. */
  readonly reference: number[];
  /** CPython's own cost of the same work; empty where not applicable. */
  readonly floor: number[];
}

export interface Bench {
  /** The number of runs of each program. */
  readonly pairs: number;
  /** Runs are short, just to check that everything works. */
  readonly quick: boolean;
  /** The project's folder. */
  readonly project: string;
  /** The interpreter whose libpython both programs use. */
  readonly python: string;
  /** The reference's binary. */
  readonly reference: string | undefined;
  /** Another checkout of this project, built: it takes the reference's place. */
  readonly against: string | undefined;
  /** Shows progress, on a terminal. */
  progress(text: string): void;
  /** Reports what could not be measured, and why. */
  skip(what: string, why: string): void;
  /** The folder for temporary files. */
  readonly folder: string;
}

export interface BenchCase {
  readonly name: string;
  readonly what: string;
  run(bench: Bench): Promise<Measurement[]>;
}
