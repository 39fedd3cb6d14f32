// Filters that remember something: those that compare, and those in which time passes.
import { type FilterDeclaration, type Impossible, type OperationName, operation, type Parameter } from "./declare.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** How often a value that glides is output: the steps of `fade` and `smooth`. */
export const GRID_MS = 25;

const ITSELF = "itself, each direction with a memory of its own";

function noWayBack(why: string): () => Impossible {
  return () => ({ why });
}

/** A filter with one form whose operation has its name, and is the same on the way back. */
function both(name: OperationName) {
  const same = (values: readonly number[]) => operation(name, ...values);
  return { operation: same, reverse: same };
}

function time(doc: string, min: number, max: number, standard?: number, name = "time"): Parameter {
  return { name, doc, kind: "time", min, max, ...(standard !== undefined && { default: standard }) };
}

const TOLERANCE: Parameter = {
  name: "tolerance",
  doc: "how near is near enough",
  kind: "number",
  min: 0,
  max: 0.5,
  default: 0.02,
};

export const STATEFUL: readonly FilterDeclaration[] = [
  {
    name: "threshold",
    drops: true,
    summary: "a switch: 1 from a value on, 0 below another",
    group: "state",
    reversible: "no: several values become one",
    takesBack: "no",
    forms: [
      {
        form: "threshold(on, off)",
        example: "threshold(0.6, 0.4)",
        doc: "1 from on upwards, 0 below off, between them as before; passes only changes",
        parameters: [
          { name: "on", doc: "where it switches on", kind: "number", min: 0, max: 1, above: true, default: 0.5 },
          {
            name: "off",
            doc: "below which it switches off",
            kind: "number",
            min: 0,
            max: 1,
            above: true,
            default: "on",
          },
        ],
        check: ([on = 0, off = 0]) =>
          off > on
            ? { problem: `it would switch off below ${off}, which is above ${on}`, help: "write the higher one first" }
            : undefined,
        operation: (values) => operation("threshold", ...values),
        reverse: noWayBack("several values become one, so there is no way back"),
      },
    ],
  },
  {
    name: "press",
    drops: true,
    summary: "1 at each press of a button, nothing at its release",
    group: "state",
    reversible: "no: it passes presses only",
    takesBack: "no",
    forms: [
      {
        form: "press",
        example: "press",
        doc: "1 for the first value above 0 after a 0; a fader needs threshold in front of it",
        parameters: [],
        operation: () => operation("press"),
        reverse: noWayBack("it passes presses only, so there is no way back"),
      },
    ],
  },
  {
    name: "toggle",
    drops: true,
    summary: "each press of a button switches the target on or off",
    group: "state",
    reversible: "no: it passes presses only",
    takesBack: "no",
    looksAtTarget: "if-possible",
    forms: [
      {
        form: "toggle",
        example: "toggle",
        doc: "a press gives 1 if the target is below a half, else 0; behind it, filters without a way back make it use its own last value instead",
        parameters: [],
        operation: () => operation("toggle"),
        reverse: noWayBack("it passes presses only, so there is no way back"),
      },
    ],
  },
  {
    name: "dedup",
    drops: true,
    summary: "drops repetitions of a value",
    group: "state",
    reversible: ITSELF,
    takesBack: "unchanged",
    forms: [
      {
        form: "dedup",
        example: "dedup",
        doc: "passes a value that differs from the last one passed",
        parameters: [],
        ...both("dedup"),
      },
    ],
  },
  {
    name: "deadband",
    drops: true,
    summary: "drops small changes",
    group: "state",
    reversible: ITSELF,
    takesBack: "unchanged",
    forms: [
      {
        form: "deadband(change)",
        example: "deadband(0.01)",
        doc: "passes a value that differs by change or more from the last one passed, and 0 and 1 when they are reached",
        parameters: [
          {
            name: "change",
            doc: "the least change",
            kind: "number",
            min: 0,
            max: 1,
            above: true,
            below: true,
            default: 0.01,
          },
        ],
        ...both("deadband"),
      },
    ],
  },
  {
    name: "rate",
    drops: true,
    summary: "limits how often values pass; the last one always does",
    group: "time",
    reversible: ITSELF,
    takesBack: "no",
    forms: [
      {
        form: "rate(hertz)",
        example: "rate(10)",
        doc: "at most this many values a second; of those in between the newest passes when its time has come",
        parameters: [{ name: "hertz", doc: "values a second", kind: "frequency", min: 0.1, max: 1000, default: 25 }],
        operation: ([hertz = 1]) => operation("rate", 1000 / hertz),
        reverse: ([hertz = 1]) => operation("rate", 1000 / hertz),
      },
    ],
  },
  {
    name: "smooth",
    summary: "follows the value gently",
    group: "time",
    reversible: ITSELF,
    takesBack: "no",
    forms: [
      {
        form: "smooth(time, fall)",
        example: "smooth(400ms)",
        doc: "after time it has covered 95 % of a step",
        parameters: [
          time("for 95 % of the way", GRID_MS, MINUTE, 200),
          { ...time("the same for falling values", GRID_MS, MINUTE, undefined, "fall"), default: "time" },
        ],
        ...both("smooth"),
      },
    ],
  },
  {
    name: "fade",
    summary: "goes to each new value in a fixed time",
    group: "time",
    reversible: ITSELF,
    takesBack: "no",
    forms: [
      {
        form: "fade(time)",
        example: "fade(2s)",
        doc: "linear from where it is; the first value is passed at once",
        parameters: [time("from one value to the next", GRID_MS, HOUR, 500)],
        ...both("fade"),
      },
    ],
  },
  {
    name: "delay",
    summary: "passes everything later",
    group: "time",
    reversible: ITSELF,
    takesBack: "no",
    forms: [
      {
        form: "delay(time)",
        example: "delay(100ms)",
        doc: "each value once, this much later, in order",
        parameters: [time("how much later", 1, HOUR)],
        ...both("delay"),
      },
    ],
  },
  {
    name: "debounce",
    drops: true,
    summary: "waits until the value is quiet",
    group: "time",
    reversible: ITSELF,
    takesBack: "no",
    forms: [
      {
        form: "debounce(time)",
        example: "debounce(50ms)",
        doc: "the newest value, once nothing has come for that time",
        parameters: [time("of quiet", 1, MINUTE, 50)],
        ...both("debounce"),
      },
    ],
  },
  {
    name: "pickup",
    drops: true,
    summary: "a fader takes effect only once it has reached the target's value",
    group: "state",
    reversible: "no: it belongs to a fader",
    takesBack: "no",
    looksAtTarget: "always",
    forms: [
      {
        form: "pickup(scale, tolerance)",
        example: "pickup(scale)",
        word: "scale",
        doc: "moves the target at once, in proportion to the way that is left, until fader and target meet",
        parameters: [TOLERANCE],
        operation: ([tolerance = 0]) => operation("pickup", tolerance, 1),
        reverse: noWayBack("it belongs to a fader, so there is no way back"),
      },
      {
        form: "pickup(tolerance)",
        example: "pickup(0.02)",
        doc: "passes nothing until the fader is at the target's value or has crossed it; again when something else has moved the target",
        parameters: [TOLERANCE],
        operation: ([tolerance = 0]) => operation("pickup", tolerance, 0),
        reverse: noWayBack("it belongs to a fader, so there is no way back"),
      },
    ],
  },
];
