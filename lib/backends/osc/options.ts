// Options of instances that only OSC has.
import { type Address, parseAddress } from "../address.js";
import type { OptionPattern } from "../declare.js";
import type { Parsed } from "../options.js";
import { wholeNumber } from "../shared/numbers.js";
import { encodeMessage } from "./encode.js";
import { type FormatArgument, formatOf, parseFormat, wordsOf } from "./format.js";
import { type PathFormat, pathProblem } from "./path.js";
import { compilePattern } from "./pattern.js";

/** Where messages go: to an address, or to the sender of the last datagram - to another port of it, if there is one. */
export type Destination = Address | { readonly learn: true; readonly port?: number };

/** A message that is sent repeatedly. */
export interface Keepalive {
  readonly seconds: number;
  readonly message: Buffer;
}

export const destination = {
  kind: "address",
  form: "HOST PORT | learn[@PORT]",
  parse(text: string): Parsed<Destination> {
    const [, after] = /^learn(\S*)$/.exec(text) ?? [];
    if (after === undefined) return parseAddress(text, {});
    if (after === "" || after === "@") return { value: { learn: true } };
    const port = after.startsWith("@") ? wholeNumber(after.slice(1)) : Number.NaN;
    if (port > 0 && port < 65536) return { value: { learn: true, port } };
    return { problem: `is HOST PORT, learn or learn@PORT with a port from 1 to 65535, not '${text}'` };
  },
};

export const root = {
  kind: "path",
  form: "/PATH",
  parse(text: string): Parsed<string> {
    return pathProblem(text, "plain") ?? { value: text };
  },
};

export const keepalive = {
  kind: "message",
  form: "SECONDS /PATH [ARGUMENT ...]",
  parse(text: string): Parsed<Keepalive> {
    const [first, path, ...rest] = wordsOf(text);
    const seconds = Number(first?.text);
    if (!(seconds >= 0.1 && seconds <= 86_400)) {
      return {
        problem: `starts with a time from 0.1 to 86400 s, not '${first?.text}'`,
        ...(first && { span: first.span }),
      };
    }
    if (path === undefined) return { problem: "needs a path after the time", help: ["write it as in: 9 /xremote"] };
    const wrong = pathProblem(path.text, "plain");
    if (wrong !== undefined) return { problem: `has a path that ${wrong.problem}`, span: path.span };
    const parts = rest.map(({ text: word, quoted }) => argument(word, quoted));
    return { value: { seconds, message: encodeMessage(path.text, formatOf(parts)) } };
  },
};

/** An argument by its look: whole number, number, or text. */
function argument(word: string, quoted: boolean): FormatArgument {
  const number = Number(word);
  if (quoted || word === "" || !Number.isFinite(number)) return { type: "s", text: word };
  // The only value between equal limits.
  const type = /^[+-]?\d+$/.test(word) && Math.abs(number) < 2 ** 31 ? "i" : "f";
  return { type, min: number, max: number };
}

export const pathFormats: OptionPattern<PathFormat> = {
  form: "/PATTERN",
  doc: 'types of the arguments on paths that match, each with the numbers that 0 and 1 stand for: i, f, h, d; constants: s "TEXT", T, F, N, I; or - for no arguments',
  valueForm: "TYPES [MIN MAX | TEXT] ...",
  example: "ff 0 1 0 1",
  live: true,
  parse(name, text) {
    if (!name.startsWith("/")) return undefined;
    const wrong = pathProblem(name, "with-patterns");
    if (wrong !== undefined) return { ...wrong, in: "name" };
    const compiled = compilePattern(name);
    if (compiled.problem !== undefined) return { ...compiled, in: "name" };
    const parsed = parseFormat(text);
    if (parsed.problem !== undefined) return parsed;
    return { ...parsed, value: { pattern: compiled.pattern, format: parsed.value } };
  },
};
