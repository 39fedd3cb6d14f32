// Arguments of messages, and the channel values they stand for.

/** Types of arguments that follow a channel: 32 and 64 bits, whole and real. */
export type NumberType = "i" | "f" | "h" | "d";

/** An argument that follows a channel. */
export interface VariableArgument {
  readonly type: NumberType;
  /** What the value 0 stands for; may be above {@link max}. */
  readonly min: number;
  readonly max: number;
}

/** For arguments of a type, by its character's code, the upper limit without a format, as in MIDIMonster; for others undefined. */
export function defaultMax(type: number): number | undefined {
  switch (type) {
    case 102: // f
    case 100: // d
      return 1;
    case 105: // i
      return 255;
    case 104: // h
      return 1024;
    default:
      return undefined;
  }
}

/** Whether arguments of a type, by its character's code, are values without data: T, F, N, I. */
export function isConstant(type: number): boolean {
  return type === 84 || type === 70 || type === 78 || type === 73;
}

/** The addend of `code()`; for many steps half a step. */
const ADDEND = 6e-7;

/** The argument for a channel's value. */
export function argumentOf({ type, min, max }: VariableArgument, value: number): number {
  const range = max - min;
  if (type === "f") return Math.fround(value * range + min);
  // Not even the largest doubles are too far apart if they are taken in halves.
  if (type === "d") return Number.isFinite(range) ? value * range + min : 2 * (value * (max / 2 - min / 2) + min / 2);
  // Counted from `min`: truncating towards zero would turn some whole negative numbers into others on their way through.
  const steps = Math.abs(range);
  if (steps === 0) return min;
  const taken = Math.min(Math.trunc((value + Math.min(ADDEND, 0.5 / steps)) * steps), steps);
  return range > 0 ? min + taken : min - taken;
}

/** The channel's value for an argument, in 0..1; NaN for NaN. */
export function levelOf(min: number, max: number, argument: number): number {
  if (max === min) return Number.isNaN(argument) ? argument : 0;
  const level = (argument / 2 - min / 2) / (max / 2 - min / 2);
  return level < 0 ? 0 : level > 1 ? 1 : level;
}

/** What is sent for an argument whose channel has had no value. */
export function restOf({ min, max }: VariableArgument): number {
  return (min <= 0 && max >= 0) || (max <= 0 && min >= 0) ? 0 : min;
}
