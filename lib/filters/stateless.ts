// Filters that only compute: the same value in gives the same value out.
import { type FilterDeclaration, operation, type Parameter } from "./declare.js";

const UNIT = { kind: "number", min: 0, max: 1 } as const;
const border = (name: string, doc: string): Parameter => ({ ...UNIT, name, doc });
const BORDERS = [border("low", "the lower border"), border("high", "the upper border")];

const SEVERAL = { why: "several values become one, so there is no way back" };

function ordered([low = 0, high = 0]: readonly number[]) {
  if (low <= high) return undefined;
  return { problem: `its borders are reversed: ${low} is more than ${high}`, help: "write the lower one first" };
}

/** Points as pairs, from coordinates one after another. */
function pairs(values: readonly number[]): [x: number, y: number][] {
  const points: [number, number][] = [];
  for (let i = 0; i + 1 < values.length; i += 2) points.push([values[i] as number, values[i + 1] as number]);
  return points;
}

function checkPoints(values: readonly number[]) {
  const points = pairs(values);
  const wrong = points.findIndex(([x], i) => i > 0 && x <= (points[i - 1]?.[0] ?? 0));
  if (wrong < 0) return undefined;
  const help = "order the points by x, each one greater than the one before";
  return { problem: `x does not rise: ${points[wrong]?.[0]} comes after ${points[wrong - 1]?.[0]}`, help };
}

function swapped(values: readonly number[]) {
  const points = pairs(values).map(([x, y]) => [y, x] as const);
  const isRising = (list: typeof points) => list.every(([x], i) => i === 0 || x > (list[i - 1]?.[0] ?? 0));
  const rising = [points, points.toReversed()].find(isRising);
  return rising === undefined
    ? { why: "y neither always rises nor always falls, so there is no way back" }
    : operation("points", ...rising.flat());
}

export const STATELESS: readonly FilterDeclaration[] = [
  {
    name: "invert",
    summary: "turns the value round: 1 becomes 0",
    group: "stateless",
    reversible: "`invert`",
    takesBack: "reverse",
    forms: [
      {
        form: "invert",
        example: "invert",
        doc: "1 − v",
        parameters: [],
        operation: () => operation("invert"),
        reverse: () => operation("invert"),
      },
    ],
  },
  {
    name: "range",
    summary: "spreads the value over a part of the target's range",
    group: "stateless",
    reversible: "`window`, unless both are equal",
    takesBack: "reverse",
    forms: [
      {
        form: "range(low, high)",
        example: "range(0.1, 1)",
        doc: "0 becomes low, 1 becomes high, linear between; low above high inverts, both equal is a constant",
        parameters: [border("low", "the result for 0"), border("high", "the result for 1")],
        operation: (values) => operation("range", ...values),
        reverse: (values) =>
          values[0] === values[1]
            ? { why: "every value becomes the same, so there is no way back" }
            : operation("window", ...values),
      },
    ],
  },
  {
    name: "window",
    summary: "spreads a part of the source's range over the whole",
    group: "stateless",
    reversible: "`range`; what lay outside comes back as the border",
    takesBack: "reverse",
    forms: [
      {
        form: "window(low, high)",
        example: "window(0.25, 0.75)",
        doc: "low becomes 0, high becomes 1, linear between; beyond them 0 and 1; low above high inverts",
        parameters: [border("low", "the value that becomes 0"), border("high", "the value that becomes 1")],
        check: ([low, high]) =>
          low === high
            ? { problem: `its borders are equal: ${low}`, help: `for a switch at ${low} write threshold(${low})` }
            : undefined,
        operation: (values) => operation("window", ...values),
        reverse: (values) => operation("range", ...values),
      },
    ],
  },
  {
    name: "curve",
    summary: "bends the value; 0 and 1 stay where they are, unless points say otherwise",
    group: "stateless",
    reversible: "the opposite curve; of points if y always rises or always falls",
    takesBack: "reverse",
    forms: [
      {
        form: "curve(s)",
        example: "curve(s)",
        word: "s",
        doc: "an S: v²·(3 − 2v), flat at both ends",
        parameters: [],
        operation: () => operation("ease"),
        reverse: () => operation("unease"),
      },
      {
        form: "curve(x:y, x:y, ...)",
        example: "curve(0:0, 0.5:0.2, 1:1)",
        points: { min: 2, max: 64 },
        doc: "straight lines between points, constant before the first and after the last",
        parameters: [border("x", "where a point is, rising"), border("y", "the result there")],
        check: checkPoints,
        operation: (values) => operation("points", ...values),
        reverse: swapped,
      },
      {
        form: "curve(gamma)",
        example: "curve(2.2)",
        doc: "v to the power of gamma: above 1 slower at the start, below 1 faster",
        parameters: [{ name: "gamma", doc: "the exponent", kind: "number", min: 0.05, max: 20, default: 2 }],
        operation: (values) => operation("power", ...values),
        reverse: ([gamma = 1]) => operation("power", 1 / gamma),
      },
    ],
  },
  {
    name: "steps",
    summary: "rounds to a number of equally spaced values",
    group: "stateless",
    reversible: "no: several values become one",
    takesBack: "no",
    forms: [
      {
        form: "steps(count)",
        example: "steps(5)",
        doc: "the nearest of count values from 0 to 1, ties upwards",
        parameters: [{ name: "count", doc: "how many values", kind: "whole", min: 2, max: 65536, default: 2 }],
        operation: (values) => operation("steps", ...values),
        reverse: () => SEVERAL,
      },
    ],
  },
  {
    name: "clamp",
    summary: "limits the value to a range",
    group: "stateless",
    reversible: "no: several values become one",
    takesBack: "no",
    forms: [
      {
        form: "clamp(low, high)",
        example: "clamp(0.2, 0.8)",
        doc: "values below low become low, above high high",
        parameters: BORDERS,
        check: ordered,
        operation: (values) => operation("clamp", ...values),
        reverse: () => SEVERAL,
      },
    ],
  },
  {
    name: "within",
    drops: true,
    summary: "passes only values in a range",
    group: "stateless",
    reversible: "itself",
    takesBack: "unchanged",
    forms: [
      {
        form: "within(low, high)",
        example: "within(0.5, 1)",
        doc: "values from low to high pass unchanged, others are dropped",
        parameters: BORDERS,
        check: ordered,
        operation: (values) => operation("within", ...values),
        reverse: (values) => operation("within", ...values),
      },
    ],
  },
];
