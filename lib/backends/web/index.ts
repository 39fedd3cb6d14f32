import { declareBackend } from "../declare.js";
import { option, type Parsed, type ValueProblem } from "../options.js";
import { checkLines, namedChannels } from "./layout.js";
import { type Line, lines } from "./lines.js";

export const instanceOptions = {
  bind: option.address({
    doc: "the address of the page; any other than 127.0.0.1 is open to the network, and needs a token",
    example: "0.0.0.0 8080",
    default: { host: "127.0.0.1", port: 8080, words: [], keys: {} },
    once: true,
    live: true,
  }),
  title: option.text({
    doc: "the title of the page; by default the name of the instance",
    example: "Stage",
    live: true,
  }),
  "token-file": option.path({
    doc: "a file with the token for using the page, made if it does not exist; by default one of the service, or of the user",
    example: "panel.token",
    live: true,
  }),
  "view-token-file": option.path({
    doc: "a file with a second token, for viewing only, made if it does not exist",
    example: "view.token",
    live: true,
  }),
  hosts: listOf("names under which the page is reached, besides addresses and the name of this machine", {
    form: "NAME...",
    example: "lights.example",
    one: (text) => (/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i.test(text) ? undefined : "is a list of names of machines"),
  }),
  origins: listOf("origins of other pages that may use this one, and the outer address of a proxy", {
    form: "URL...",
    example: "https://lights.example",
    one: originProblem,
  }),
  frame: option.custom<string>(
    { doc: "the origin of a page that may embed this one", example: "https://dashboard.example", live: true },
    {
      kind: "origin",
      form: "URL",
      parse: (text) => {
        const problem = originProblem(text);
        return problem === undefined ? { value: text } : { problem: `${problem}, not '${text}'` };
      },
    },
  ),
  monitor: option.flag({
    doc: "show the router's instances, values, mappings and log under /monitor/",
    default: false,
    live: true,
  }),
  control: option.flag({
    doc: "let the monitor set values",
    default: false,
    live: true,
  }),
  release: option.custom(
    {
      doc: "the time without a message from a page after which what it holds is released",
      example: "8s",
      default: 5000,
      live: true,
    },
    { kind: "time", form: "TIME", show: (value) => `${value / 1000}s`, parse: parseTime },
  ),
};

export default declareBackend<Record<never, never>, typeof instanceOptions, undefined, Line>({
  name: "web",
  summary: "a page in browsers with faders, buttons and meters, and an interface by HTTP and WebSocket",
  options: {},
  instanceOptions,
  optionPatterns: lines,
  channels: {
    forms: [{ form: "NAME", doc: "any name; that of a widget, or it becomes a fader or a meter", example: "dim1" }],
    named: ({ patterns }) => namedChannels(patterns),
  },
  examples: ["web.cfg"],
  checkInstanceOptions: ({ patterns }) => checkLines(patterns),
  load: () => import("./web.js"),
});

function listOf(
  doc: string,
  { form, example, one }: { form: string; example: string; one(text: string): string | undefined },
) {
  const none: readonly string[] = [];
  return option.custom(
    { doc, example, default: none, live: true },
    {
      kind: "list",
      form,
      show: () => "none",
      parse(text): Parsed<readonly string[]> {
        const words = [...text.matchAll(/[^\s,]+/g)];
        for (const { 0: word, index: start } of words) {
          const problem = one(word);
          if (problem !== undefined) {
            return { problem: `${problem}, not '${word}'`, span: { start, length: word.length } };
          }
        }
        return { value: words.map(([word]) => word) };
      },
    },
  );
}

function originProblem(text: string): string | undefined {
  const what = "is an origin such as https://lights.example, without a path";
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return what;
  return new URL(text).origin === text ? undefined : what;
}

const RELEASE = { min: 3000, max: 60_000 }; // ms

function parseTime(text: string): Parsed<number> {
  const [, number, unit] = /^(\d+(?:\.\d+)?|\.\d+)\s*(ms|s)?$/.exec(text) ?? [];
  const problem: ValueProblem = {
    problem: `is a time from ${RELEASE.min / 1000}s to ${RELEASE.max / 1000}s, not '${text}'`,
    help: ["pages report every two seconds that they are there"],
  };
  if (number === undefined) return problem;
  const value = Number(number) * (unit === "s" ? 1000 : 1);
  return value >= RELEASE.min && value <= RELEASE.max ? { value } : problem;
}
