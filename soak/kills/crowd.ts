/** Where events come from and go to: numbers them, and checks what comes back. */
import type { Backend, EventBatch, Instance, InstanceContext } from "../../lib/backends/simple.js";

/** Values are numbers of events, in as many steps. */
const STEPS = 2 ** 20;

export const CHANNELS = 16;

/** Numbers that come back: each higher than the last one, without those that were lost. */
class Answers {
  sent = 0;
  received = 0;
  #next = 1;
  wrong: string | undefined;

  constructor(readonly name: string) {}

  /** Whether the last one has come. */
  get isComplete(): boolean {
    return this.#next === (this.sent + 1) % STEPS;
  }

  take(number: number): void {
    const skipped = (number - this.#next + STEPS) % STEPS;
    if (skipped >= STEPS / 2) this.wrong ??= `${this.name}: number ${number} came after ${this.#next - 1}`;
    ++this.received;
    this.#next = (number + 1) % STEPS;
  }
}

/** Numbers that an instance gives to what it outputs by itself: without a gap, and from 1 on again in a new process. */
class Series {
  #last: number | undefined;
  received = 0;
  beginnings = 0;
  wrong: string | undefined;

  constructor(readonly name: string) {}

  take(number: number): void {
    ++this.received;
    if (number === 1 && this.#last !== 0) ++this.beginnings;
    else if (number !== ((this.#last ?? 0) + 1) % STEPS)
      this.wrong ??= `${this.name}: number ${number} came after ${this.#last}`;
    this.#last = number;
  }
}

/** What belongs to one instance of the show. */
export class Worker {
  readonly answers: Answers[];
  readonly series: Series[];

  constructor(readonly name: string) {
    this.answers = Array.from({ length: CHANNELS }, (_, i) => new Answers(`${name}.out${i + 1}`));
    this.series = ["tick", "read", "said"].map((what) => new Series(`${name}.${what}`));
  }

  get sent(): number {
    return this.answers.reduce((sum, { sent }) => sum + sent, 0);
  }

  get received(): number {
    return this.answers.reduce((sum, { received }) => sum + received, 0);
  }
}

export class Crowd implements Backend {
  readonly name = "crowd";
  readonly workers: Worker[];
  /** Through all instances, one after the other: also while some have no process. */
  readonly round = new Answers("round");
  readonly #takers: ((number: number) => void)[] = [];
  readonly #channels = new Map<string, number>();
  #context: InstanceContext | undefined;
  #received = () => {};

  constructor(names: readonly string[]) {
    this.workers = names.map((name) => new Worker(name));
  }

  /** The configuration. */
  get text(): string {
    const instances = this.workers.map(
      ({ name }) => `[python ${name}]\nmodule = worker\ndefault-handler = worker.pass_on\n`,
    );
    const channels = `{1..${CHANNELS}}`;
    const mappings = this.workers.flatMap(({ name }) => [
      `crowd.${name}.in${channels} > ${name}.in${channels}\n`,
      `${name}.out${channels} > crowd.${name}.out${channels}\n`,
      `${name}.{tick,read,said} > crowd.${name}.{tick,read,said}\n`,
    ]);
    const round = this.workers.map(({ name }, i) => {
      const before = this.workers[i - 1];
      return `${before === undefined ? "crowd.round-in" : `${before.name}.round-out`} > ${name}.round-in\n`;
    });
    const end = `${this.workers.at(-1)?.name}.round-out > crowd.round-out\n`;
    const python = "[backend python]\nown-process = on\nhandler-warn = 5000\n";
    return [python, ...instances, "[crowd crowd]\n[map]\n", ...mappings, ...round, end].join("");
  }

  create(context: InstanceContext): Instance {
    this.#context = context;
    return {
      channel: (name, index) => {
        this.#channels.set(name, index);
        this.#takers[index] = this.#takerOf(name);
      },
      handle: ({ length, channels, values }: EventBatch) => {
        for (let i = 0; i < length; ++i) this.#takers[channels[i] ?? -1]?.(Math.round((values[i] ?? 0) * STEPS));
        this.#received();
      },
    };
  }

  /** Sends a number of events to an instance, on channels in turn. */
  send({ name, answers }: Worker, count: number): void {
    for (let i = 0; i < count; ++i) {
      const channel = i % CHANNELS;
      this.#emit(`${name}.in${channel + 1}`, answers[channel]);
    }
  }

  sendRound(): void {
    this.#emit("round-in", this.round);
  }

  /** Resolves once it holds, which is looked at whenever events have come. @throws if it takes too long */
  until(holds: () => boolean, what: string, timeout: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${what}: not within ${timeout / 1000} s`)), timeout);
      this.#received = () => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#received = () => {};
        resolve();
      };
      this.#received();
    });
  }

  get wrong(): string | undefined {
    const all = [this.round, ...this.workers.flatMap(({ answers, series }) => [...answers, ...series])];
    return all.find(({ wrong }) => wrong !== undefined)?.wrong;
  }

  #emit(channel: string, answers: Answers | undefined): void {
    const index = this.#channels.get(channel);
    if (answers === undefined || index === undefined) throw new Error(`no channel ${channel}`);
    this.#context?.emit(index, (++answers.sent % STEPS) / STEPS);
  }

  #takerOf(name: string): (number: number) => void {
    if (name === "round-out") return (number) => this.round.take(number);
    const worker = this.workers.find((one) => name.startsWith(`${one.name}.`));
    const what = name.slice((worker?.name.length ?? 0) + 1);
    const series = worker?.series.find((one) => one.name === name);
    const answers = what.startsWith("out") ? worker?.answers[Number(what.slice(3)) - 1] : undefined;
    return (number) => (series ?? answers)?.take(number);
  }
}
