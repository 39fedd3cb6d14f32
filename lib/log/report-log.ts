import type { PythonException, Report } from "../binding.js";
import { count } from "../count.js";
import { messageOf, shortened } from "../errors.js";
import type { Logger } from "./log.js";
import { clamped, rounded, unknownChannel } from "./module-warnings.js";

/** How long repetitions of a message are only counted, in ms. */
const QUIET_PERIOD = 10_000;

/** What is logged in full of one instance's problems in that time, however many different ones there are. */
const MAX_MESSAGES = 50;
const MAX_CHARACTERS = 2 ** 18;

/** Problems whose repetitions are not counted: only the limit of all together holds for them. */
const NEVER_COUNTED: ReadonlySet<Report["kind"]> = new Set([
  "unknown-channel",
  "clamped",
  "rounded",
  "socket-closed",
  "socket-disabled",
  "slow",
]);

/** What one instance has had logged in full in this period, and what has been left out. */
interface Rate {
  messages: number;
  characters: number;
  left: number;
}

/** Formats a repetition: how often, and on which channels. */
type Say = (count: number, channels: readonly string[]) => string;

interface Repeated {
  readonly say: Say;
  readonly fields: { readonly instance?: string };
  readonly channels: Set<string>;
  count: number;
}

/**
 * Turns the core's reports into log messages. An exception is logged in full once; while it repeats it is counted, and
 * every ten seconds one line says how often.
 */
export class ReportLog {
  readonly #logger: Logger;
  readonly #nameOf: (instance: number) => string;
  readonly #channelsOf: (instance: number) => readonly string[];
  readonly #adviceOn: (instance: number, raised: PythonException) => readonly string[];
  readonly #repeated = new Map<string, Repeated>();
  readonly #rates = new Map<string, Rate>();
  #timer: NodeJS.Timeout | undefined;

  #delaysLost = false;

  /**
   * @param nameOf an instance's name, for its number
   * @param channelsOf the names of its channels, from which one is suggested for an unknown one
   * @param adviceOn lines of help about what its code has raised or warned of
   */
  constructor(
    logger: Logger,
    nameOf: (instance: number) => string,
    channelsOf: (instance: number) => readonly string[] = () => [],
    adviceOn: (instance: number, raised: PythonException) => readonly string[] = () => [],
  ) {
    this.#logger = logger;
    this.#nameOf = nameOf;
    this.#channelsOf = channelsOf;
    this.#adviceOn = adviceOn;
  }

  log(report: Report): void {
    const instance = this.#nameOf(report.instance);
    const fields = { instance, subject: report.subject, value: report.value };
    const descriptor = `descriptor ${report.value}`;
    const { kind, subject, text, exception } = report;
    if (
      NEVER_COUNTED.has(kind) &&
      !this.#admits(instance, subject.length + text.length + (exception?.text.length ?? 0))
    )
      return;
    switch (report.kind) {
      case "exception":
        if (report.exception !== undefined) this.#exception(instance, report, report.exception);
        break;
      case "unknown-channel":
        this.#logger.warn(fields, unknownChannel(instance, report, this.#channelsOf(report.instance)));
        break;
      case "clamped":
        this.#logger.warn(fields, clamped(instance, report));
        break;
      case "rounded":
        this.#logger.warn(fields, rounded(instance, report));
        break;
      case "socket-closed":
        if (report.exception !== undefined) {
          this.#logger.error(
            { ...fields, ...fieldsOf(report.exception) },
            `${instance}: fileno() of the socket managed by ${report.subject} (${descriptor}) raised; it is no longer ` +
              `watched\n${report.exception.text}`,
          );
          break;
        }
        this.#logger.warn(
          fields,
          `${instance}: the socket managed by ${report.subject} (${descriptor}) was closed without ` +
            "midimonster.manage(None, socket); it is no longer watched",
        );
        break;
      case "socket-disabled":
        this.#logger.error(
          fields,
          `${instance}: ${report.subject} raised 10 times in a row and is unregistered from its socket (${descriptor}); ` +
            "the unread data would call it forever",
        );
        break;
      case "events-lost":
        this.#eventsLost(instance, report.value ?? 0);
        break;
      case "delays-lost":
        if (this.#delaysLost) break;
        this.#delaysLost = true;
        this.#logger.error(
          { lost: report.value },
          "more values wait in delays of mappings than there is room for (1,048,576, within the limit of the queues): the " +
            "oldest are lost; this is reported once",
        );
        break;
      case "slow":
        this.#logger.warn(
          { ...fields, stack: report.text },
          `${instance}: the ${report.role} ${report.subject} is slow: it took more than ${report.value} ms, in which ` +
            `${report.apart ? "the rest of its instance" : "everything else"} waited; after that time it was here:\n${report.text}`,
        );
        break;
      case "log":
        this.#logger[levelOf(report.role)](
          { instance, logger: report.subject, file: report.file, line: report.value },
          `${instance}: ${report.text}${report.role === "warn" ? this.#help(report.instance, warning(report.text)) : ""}`,
        );
        break;
      case "watch-failed":
        this.#logger.error(
          fields,
          `${instance}: ${report.role === "task" ? "tasks" : "sockets"} can't be watched: ${report.text}`,
        );
        break;
      case "watch-restored":
        this.#logger.error(
          fields,
          `${instance}: the descriptor through which its ${report.role === "task" ? "tasks wait" : "sockets are watched"} was ` +
            "closed, by a number that is not that of a socket or by os.closerange(); " +
            (report.role === "task" ? "another one serves them now" : "they are watched again"),
        );
        break;
      case "threads-left":
        this.#logger.warn(
          fields,
          `${instance}: Python threads did not end: ${report.text}; their interpreter is kept until the process ends`,
        );
        break;
    }
  }

  /** Logs the counts so far, and stops counting. */
  close(): void {
    this.#summarise();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#repeated.clear();
    this.#rates.clear();
  }

  /** Modules of an instance have been reloaded: what they raise from now on is logged in full, like anything new. */
  renewed(instance: string): void {
    this.#summarise();
    for (const [key, { fields }] of this.#repeated) if (fields.instance === instance) this.#repeated.delete(key);
  }

  #help(instance: number, raised: PythonException): string {
    return this.#adviceOn(instance, raised)
      .map((line) => `\n  = ${line}`)
      .join("");
  }

  #exception(instance: string, report: Report, exception: PythonException): void {
    const { role, subject, value } = report;
    const what = describe(instance, role, subject, value);
    const { type, places } = exception;
    // A thread's name is often its number, and one function may handle thousands of channels.
    const ofAny = role === "thread" || (role === "handler" && places.length > 0);
    // Without the message, which may hold a different number every time.
    const key = JSON.stringify([instance, role, ofAny ? "" : subject, type, places]);
    const fields = { instance, role, subject, value };
    const say: Say = (repeats, [first = subject, ...others]) => {
      const times = repeats === 1 ? "once more" : `${repeats} more times`;
      const also = others.length > 0 ? ` on this and ${count(others.length, "other channel")}` : "";
      return `${times}: ${describe(instance, role, first)}${also}: ${shortly(exception)}`;
    };
    if (this.#counts(key, role === "handler" ? [subject] : [], 1, fields, say, what.length + exception.text.length))
      return;
    const help = callHelp(role, exception) + this.#help(report.instance, exception);
    this.#logger.error({ ...fields, ...fieldsOf(exception) }, `${what}\n${exception.text}${help}`);
  }

  #eventsLost(instance: string, count: number): void {
    const fields = { instance };
    const say: Say = (more) => `${instance}: ${more} more events were lost`;
    if (this.#counts(`${instance}\nlost`, [], count, fields, say)) return;
    this.#logger.error(
      { ...fields, lost: count },
      `${instance}: events are lost: the queue of this instance is full, since they arrive faster than it handles them`,
    );
  }

  /**
   * An instance of a TypeScript backend emitted something that is not an event.
   *
   * @param kind of problem: each kind is logged in full once, then counted
   */
  badEmit(instance: string, kind: string, problem: string): void {
    const fields = { instance };
    const say: Say = (more) => `${instance}: emit() was called wrongly ${count(more, "more time")}: ${problem}`;
    if (this.#counts(`${instance}\nemit\n${kind}`, [], 1, fields, say, problem.length)) return;
    this.#logger.error(fields, `${instance}: emit() was called wrongly, and the event is dropped: ${problem}`);
  }

  /**
   * A function of a program threw, or its promise was rejected.
   *
   * @param what names the function in messages: `desk: handle()`, `a tap`
   */
  threw(what: string, fields: object, error: unknown): void {
    const stack = stackOf(error);
    // Where it was thrown, without the message, which may hold a different number every time.
    const place = /^ +at .*$/m.exec(stack)?.[0] ?? "";
    const say: Say = (more) => `${what} threw ${count(more, "more time")}: ${messageOf(error)}`;
    if (this.#counts(`${what}\n${place}`, [], 1, fields, say, stack.length)) return;
    this.#logger.error({ ...fields, err: error }, `${what} threw: ${stack}`);
  }

  /** Whether it is not to be logged in full: it has already been, and is counted, or there is too much else. */
  #counts(
    key: string,
    channels: readonly string[],
    count: number,
    fields: { readonly instance?: string },
    say: Say,
    characters = 0,
  ): boolean {
    const known = this.#repeated.get(key);
    if (known !== undefined) {
      known.count += count;
      for (const channel of channels) known.channels.add(channel);
      return true;
    }
    if (!this.#admits(fields.instance ?? "", characters)) return true;
    this.#repeated.set(key, { say, fields, channels: new Set(), count: 0 });
    return false;
  }

  /** Whether one more problem of an instance may be logged in full; if not, counts it. */
  #admits(instance: string, characters: number): boolean {
    this.#timer ??= setTimeout(() => this.#tick(), QUIET_PERIOD).unref();
    const rate = this.#rates.get(instance) ?? { messages: 0, characters: 0, left: 0 };
    this.#rates.set(instance, rate);
    if (rate.messages < MAX_MESSAGES && rate.characters < MAX_CHARACTERS) {
      ++rate.messages;
      rate.characters += characters;
      return true;
    }
    if (rate.left++ === 0) {
      this.#logger.error(
        { instance },
        `${instance}: there are so many different problems that more are only counted for up to ${QUIET_PERIOD / 1000} seconds`,
      );
    }
    return false;
  }

  #tick(): void {
    this.#timer = undefined;
    this.#summarise();
    this.#rates.clear();
    if (this.#repeated.size > 0) this.#timer = setTimeout(() => this.#tick(), QUIET_PERIOD).unref();
  }

  // A message that did not repeat for a whole period is logged in full when it recurs.
  #summarise(): void {
    for (const [instance, rate] of this.#rates) {
      if (rate.left === 0) continue;
      this.#logger.error(
        { instance, left: rate.left },
        `${instance}: ${count(rate.left, "more problem")} of different kinds ${rate.left === 1 ? "was" : "were"} not logged`,
      );
      rate.left = 0;
    }
    for (const [key, repeated] of this.#repeated) {
      if (repeated.count === 0) {
        this.#repeated.delete(key);
        continue;
      }
      this.#logger.error(
        { ...repeated.fields, repeated: repeated.count },
        repeated.say(repeated.count, [...repeated.channels]),
      );
      repeated.count = 0;
      repeated.channels.clear();
    }
  }
}

/** What functions are called with, by their role. Handlers have been checked when they were found. */
const ARGUMENTS: ReadonlyMap<string, string> = new Map([
  ["interval", "without arguments"],
  ["delayed function", "without arguments"],
  ["start function", "without arguments"],
  ["cleanup handler", "without arguments"],
  ["socket", "with the socket as its one argument"],
]);

function levelOf(role: string): "error" | "warn" | "info" | "debug" {
  return role === "error" || role === "warn" || role === "info" ? role : "debug";
}

function describe(instance: string, role: string, subject: string, value?: number): string {
  if (role === "handler") {
    return `${instance}.${subject}: the handler raised${value === undefined ? "" : ` on value ${value}`}`;
  }
  if (role === "socket") {
    return `${instance}: the socket function ${subject} raised${value === undefined ? "" : ` on descriptor ${value}`}`;
  }
  return `${instance}: the ${role}${role === "interval" ? " function" : ""} ${subject} raised`;
}

/** A warning as what is raised. */
function warning(message: string): PythonException {
  return { type: "Warning", message, places: [], text: message };
}

/** How a function is called, if it could not be: the exception then has no place in user code. */
function callHelp(role: string, { type, places }: PythonException): string {
  const given = ARGUMENTS.get(role);
  return given === undefined || type !== "TypeError" || places.length > 0 ? "" : `\n  = it is called ${given}`;
}

/** For programs that read the log. */
function fieldsOf({ type, message, places, text }: PythonException) {
  return { traceback: text, exception: { type, message, places } };
}

function stackOf(error: unknown): string {
  try {
    const stack = error instanceof Error ? error.stack : undefined;
    return typeof stack === "string" ? shortened(stack) : messageOf(error);
  } catch {
    return messageOf(error);
  }
}

/** As a traceback ends, in one line. */
function shortly({ type, message }: PythonException): string {
  const [line = ""] = message.split("\n", 1);
  return line === "" ? type : `${type}: ${line}`;
}
