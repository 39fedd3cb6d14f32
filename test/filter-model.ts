// What filters do, in plain TypeScript with a clock of its own: the native part is compared with it.
import type { FilterChain, FilterStep } from "../lib/filters/chain.js";
import { operationsBack } from "../lib/filters/chain.js";
import type { Operation } from "../lib/filters/declare.js";

export interface ModelEvent {
  readonly time: number;
  readonly channel: number;
  readonly value: number;
}

/** A line of a mapping; without a chain it passes everything. */
export interface ModelPair {
  readonly source: number;
  readonly target: number;
  readonly chain?: FilterChain;
}

const clamped = (value: number, a: number, b: number) => Math.min(Math.max(value, Math.min(a, b)), Math.max(a, b));

/** The filters without state. */
export function compute({ name, args }: Operation, v: number): number | undefined {
  const [a = 0, b = 0] = args;
  switch (name) {
    case "invert":
      return 1 - v;
    case "range":
      return v === 1 ? b : clamped(a + v * (b - a), a, b);
    case "window":
      return clamped((v - a) / (b - a), 0, 1);
    case "power":
      return v ** a;
    case "ease":
      return v * v * (3 - 2 * v);
    case "unease":
      return v <= 0 || v >= 1 ? v : clamped(0.5 - Math.sin(Math.asin(1 - 2 * v) / 3), 0, 1);
    case "points": {
      const points = args.flatMap((x, i) => (i % 2 === 0 ? [{ x, y: args[i + 1] as number }] : []));
      const right = points.findIndex(({ x }) => v <= x);
      const to = points[right];
      const from = points[right - 1];
      if (to === undefined) return points.at(-1)?.y;
      if (from === undefined || v === to.x) return right === 0 ? points[0]?.y : to.y;
      return clamped(from.y + (to.y - from.y) * ((v - from.x) / (to.x - from.x)), from.y, to.y);
    }
    case "steps":
      return Math.floor(v * (a - 1) + 0.5) / (a - 1);
    case "clamp":
      return clamped(v, a, b);
    case "within":
      return v >= a && v <= b ? v : undefined;
    default:
      throw new Error(`${name} has a state`);
  }
}

const STATELESS = ["invert", "range", "window", "power", "ease", "unease", "points", "steps", "clamp", "within"];
const GRID = 25;

/** A filter of a pair, and what it remembers. */
class Step {
  last: number | undefined; // what it has passed, or where a glide is
  goal: number | undefined;
  from = 0;
  since = 0;
  gliding = false;
  waiting: { value: number; due: number }[] = [];
  pressed = false;
  engaged = false;
  previous: number | undefined;

  constructor(
    readonly step: FilterStep,
    readonly back: readonly Operation[] | undefined,
  ) {}
}

interface Pair extends ModelPair {
  readonly steps: Step[];
}

export class FilterModel {
  readonly events: ModelEvent[] = [];
  #pairs: Pair[] = [];
  #known = new Map<number, { value: number; writer: Pair | undefined }>();
  #watched = new Set<number>();
  #now = 0;
  #tick: number | undefined;

  connect(pairs: readonly ModelPair[]): void {
    const before = this.#pairs;
    const watchedBefore = this.#watched;
    const next: Pair[] = [];
    const keyOf = ({ source, target, chain }: ModelPair) => `${source} ${target} ${chain?.key}`;
    const seen = new Set<string>();
    for (const pair of pairs) {
      if (seen.has(keyOf(pair))) continue;
      seen.add(keyOf(pair));
      const same = before.find((old) => keyOf(old) === keyOf(pair));
      next.push(same ?? { ...pair, steps: stepsOf(pair) });
    }
    const looks = next.filter(({ steps }) => steps.some(({ step, back }) => step.declaration.looksAtTarget && back));
    const watched = new Set(looks.map(({ target }) => target));
    const moved: [Pair, number][] = [];
    for (const old of before) {
      if (next.includes(old) || !next.some(({ source, target }) => source === old.source && target === old.target))
        continue;
      const value = this.#waitingIn(old);
      if (value !== undefined) moved.push([old, value]);
    }
    for (const channel of this.#known.keys()) {
      if (!watched.has(channel) || !watchedBefore.has(channel)) this.#known.delete(channel);
    }
    for (const known of this.#known.values()) {
      if (known.writer && !next.includes(known.writer)) known.writer = undefined;
    }
    this.#pairs = next;
    this.#watched = watched;
    for (const [{ target }, value] of moved) {
      this.events.push({ time: this.#now, channel: target, value });
      this.#note(target, value, undefined);
    }
    if (!this.#glides()) this.#tick = undefined;
  }

  emit(time: number, channel: number, value: number): void {
    this.#now = time;
    this.#note(channel, value, undefined);
    for (const pair of this.#pairs) if (pair.source === channel) this.#run(pair, 0, value);
  }

  /** Runs what is due, each at its time. */
  until(time: number): void {
    for (;;) {
      const due = this.due();
      if (due === undefined || Math.ceil(due) > time) break;
      this.#now = Math.ceil(due);
      this.#runDue();
    }
    this.#now = time;
  }

  due(): number | undefined {
    const times = this.#pairs.flatMap(({ steps }) => steps.flatMap((step) => dueOf(step) ?? []));
    if (this.#tick !== undefined) times.push(this.#tick);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #glides(): boolean {
    return this.#pairs.some(({ steps }) => steps.some(({ gliding }) => gliding));
  }

  #runDue(): void {
    for (;;) {
      const due = this.due();
      if (due === undefined || due > this.#now) return;
      const isTick = due === this.#tick;
      const gliders = new Set(this.#pairs.flatMap(({ steps }) => steps.filter(({ gliding }) => gliding && isTick)));
      if (isTick) this.#tick = due + GRID;
      for (const pair of this.#pairs) {
        for (const [i, step] of pair.steps.entries()) {
          while (dueOf(step) === due) this.#runStep(pair, i, step);
          if (gliders.has(step)) this.#move(pair, i, step);
        }
      }
      if (!this.#glides()) this.#tick = undefined;
    }
  }

  #runStep(pair: Pair, i: number, step: Step): void {
    if (step.gliding) {
      step.gliding = false;
      step.last = step.goal;
      if (!this.#glides()) this.#tick = undefined;
      this.#run(pair, i + 1, step.goal as number);
      return;
    }
    const [{ value } = { value: 0 }] = step.waiting.splice(0, 1);
    if (step.step.operation.name === "rate") step.since = this.#now;
    this.#run(pair, i + 1, value);
  }

  #move(pair: Pair, i: number, step: Step): void {
    if (!step.gliding || step.since === this.#now) return;
    this.#glide(step);
    const arrived =
      step.step.operation.name === "smooth" && Math.abs((step.goal as number) - (step.last as number)) < 0.0005;
    if (arrived) {
      step.last = step.goal;
      step.gliding = false;
      if (!this.#glides()) this.#tick = undefined;
    }
    this.#run(pair, i + 1, step.last as number);
  }

  /** Brings the present value of a glide up to now. */
  #glide(step: Step): void {
    const { args, name } = step.step.operation;
    const goal = step.goal as number;
    if (name === "fade") {
      step.last = step.from + (goal - step.from) * ((this.#now - step.since) / (args[0] as number));
      return;
    }
    const last = step.last as number;
    const ms = (goal > last ? args[0] : args[1]) as number;
    step.last = last + (goal - last) * (1 - 20 ** (-(this.#now - step.since) / ms));
    step.since = this.#now;
  }

  #note(channel: number, value: number, writer: Pair | undefined): void {
    if (!this.#watched.has(channel) || this.#known.get(channel)?.value === value) return;
    this.#known.set(channel, { value, writer });
  }

  #run(pair: Pair, first: number, value: number): void {
    let v: number | undefined = value;
    for (const [i, step] of pair.steps.entries()) {
      if (i < first) continue;
      v = this.#pass(pair, step, v);
      if (v === undefined) return;
    }
    this.#note(pair.target, v, pair);
    this.events.push({ time: this.#now, channel: pair.target, value: v });
  }

  #present(pair: Pair, { back }: Step): number | undefined {
    const known = this.#known.get(pair.target);
    if (known === undefined || back === undefined) return undefined;
    return back.reduce((v, operation) => compute(operation, v) as number, known.value);
  }

  #pass(pair: Pair, step: Step, v: number): number | undefined {
    const { operation } = step.step;
    const [a = 0, b = 0] = operation.args;
    const now = this.#now;
    switch (operation.name) {
      case "threshold": {
        const out = v >= a || (v >= b && step.last === 1) ? 1 : 0;
        if (out === step.last) return undefined;
        step.last = out;
        return out;
      }
      case "press":
      case "toggle": {
        const isPress = v > 0 && !step.pressed;
        step.pressed = v > 0;
        if (!isPress) return undefined;
        if (operation.name === "press") return 1;
        const present = this.#present(pair, step) ?? step.last ?? 0;
        step.last = present >= 0.5 ? 0 : 1;
        return step.last;
      }
      case "dedup":
        if (v === step.last) return undefined;
        step.last = v;
        return v;
      case "deadband": {
        const end = (v === 0 || v === 1) && v !== step.last;
        if (step.last !== undefined && !end && Math.abs(v - step.last) < a) return undefined;
        step.last = v;
        return v;
      }
      case "rate":
        if (step.last === undefined || now >= step.since + a) {
          step.last = 0;
          step.since = now;
          step.waiting = [];
          return v;
        }
        step.waiting = [{ value: v, due: step.since + a }];
        return undefined;
      case "smooth":
      case "fade":
        if (step.goal === undefined || (!step.gliding && v === step.goal)) {
          step.goal = v;
          step.last = v;
          return v;
        }
        if (v === step.goal) return undefined;
        if (step.gliding) this.#glide(step);
        else if (!this.#glides()) this.#tick = now + GRID;
        step.from = step.last as number;
        step.goal = v;
        step.since = now;
        step.gliding = true;
        return undefined;
      case "delay":
        step.waiting.push({ value: v, due: now + a });
        return undefined;
      case "debounce":
        step.waiting = [{ value: v, due: now + a }];
        return undefined;
      case "pickup":
        return this.#pickup(pair, step, v, a, b === 1);
      default:
        return compute(operation, v);
    }
  }

  #pickup(pair: Pair, step: Step, v: number, tolerance: number, scales: boolean): number | undefined {
    const before = step.previous;
    step.previous = v;
    const present = this.#present(pair, step);
    if (present === undefined) {
      step.engaged = true;
      step.last = v;
      return v;
    }
    const byOthers = this.#known.get(pair.target)?.writer !== pair;
    // Not passed anything yet: nothing to compare with.
    if (byOthers && Math.abs(present - (step.last ?? Number.NaN)) > tolerance) step.engaged = false;
    if (step.engaged) {
      step.last = v;
      return v;
    }
    if (scales) {
      if (before === undefined) return undefined;
      let y = present;
      if (v > before) y += ((v - before) * (1 - present)) / (1 - before);
      else if (v < before) y -= ((before - v) * present) / before;
      y = clamped(y, 0, 1);
      step.engaged = Math.abs(v - y) <= tolerance;
      step.last = step.engaged ? v : y;
      return step.last;
    }
    const crossed = before !== undefined && (before - present) * (v - present) <= 0;
    step.engaged = Math.abs(v - present) <= tolerance || crossed;
    if (!step.engaged) return undefined;
    step.last = v;
    return v;
  }

  /** The newest value that waits in a pair, as what is left of its filters makes it. */
  #waitingIn(pair: Pair): number | undefined {
    let value: number | undefined;
    for (const step of pair.steps) {
      if (step.step.declaration.group === "time") {
        value ??= step.gliding ? step.goal : step.waiting.at(-1)?.value;
      } else if (value !== undefined) {
        value = this.#pass(pair, step, value);
        if (value === undefined) return undefined;
      }
    }
    return value;
  }
}

function stepsOf({ chain }: ModelPair): Step[] {
  return (chain?.steps ?? []).map((step, i) => new Step(step, chain && operationsBack(chain, i)));
}

/** When a step is due, but for the grid. */
function dueOf({ step, gliding, since, waiting }: Step): number | undefined {
  const { name, args } = step.operation;
  if (name === "fade") return gliding ? since + (args[0] as number) : undefined;
  return waiting[0]?.due;
}

export function isStateless({ name }: Operation): boolean {
  return STATELESS.includes(name);
}
