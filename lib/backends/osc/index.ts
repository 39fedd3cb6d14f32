import { type ChannelUse, declareBackend, type ParsedChannel, type SectionProblem } from "../declare.js";
import { type Option, option, type Values } from "../options.js";
import { detectOption } from "../shared/detect-option.js";
import { timeoutOptions } from "../shared/timeout-options.js";
import { type Destination, destination, type Keepalive, keepalive, pathFormats, root } from "./options.js";
import { type OscChannel, type PathFormat, parseChannel } from "./path.js";

export const options = {
  detect: detectOption(
    "whether incoming messages are logged: the first of a path, then at most one per path and second",
  ),
};

export const instanceOptions = {
  bind: option.address({
    doc: "where to listen: an address of this machine, or * or :: for all; or that of a network interface: * 8000 interface=eth0",
    example: "* 8000",
    keys: ["interface"],
    once: true,
  }),
  destination: option.custom<Destination, { doc: string; example: string; aliases: readonly string[] }>(
    {
      doc: "where to send to; learn: to the sender of the last message, learn@PORT: to that port of it",
      example: "10.0.0.2 9000",
      aliases: ["dest"],
    },
    destination,
  ),
  also: option.address({ doc: "a further destination", example: "10.0.0.3 9000", repeatable: true }),
  root: option.custom<string, { doc: string; example: string }>(
    { doc: "a prefix of all paths", example: "/desk" },
    root,
  ),
  keepalive: option.custom<Keepalive, { doc: string; example: string; repeatable: true }>(
    {
      doc: "a message that is sent to all destinations every so many seconds, from the bound port; arguments are whole numbers (i), numbers (f) and texts (s)",
      example: "9 /xremote",
      repeatable: true,
    },
    keepalive,
  ),
  ...timeoutOptions("messages"),
} satisfies Record<string, Option>;

type Section = Values<typeof instanceOptions>;

export default declareBackend<typeof options, typeof instanceOptions, OscChannel, PathFormat>({
  name: "osc",
  summary: "Open Sound Control over UDP",
  options,
  instanceOptions,
  optionPatterns: [pathFormats],
  channels: {
    forms: [
      { form: "/PATH", doc: "the first argument of messages to a path", example: "/1/fader1" },
      { form: "/PATH:N", doc: "one of several arguments, counted from 0", example: "/xy:1" },
    ],
    parse(name, use, { options: section, patterns }) {
      const parsed = parseChannel(name, section.root ?? "", patterns);
      if (parsed.problem !== undefined || parsed.warning !== undefined) return parsed;
      const warning = warningFor(use, section, parsed);
      return warning === undefined ? parsed : { ...parsed, ...warning };
    },
  },
  checkInstanceOptions({ options: section }) {
    const problems: SectionProblem[] = [];
    const { bind, destination: to, keepalive: messages } = section;
    if (to !== undefined && "learn" in to && bind === undefined) {
      problems.push({
        problem: "'destination' is to be learnt from incoming messages, and there is no 'bind' to receive them",
        severity: "warning",
        option: "destination",
        help: ["add where to listen, as in: bind = * 8000"],
      });
    }
    if (messages.length > 0 && !isSending(section)) {
      const problem = "'keepalive' is never sent: the instance has no destination";
      problems.push({ problem, severity: "warning", option: "keepalive", help: [ADD_DESTINATION] });
    }
    return problems;
  },
  checkInstances(instances) {
    const listening = new Map<string, string>();
    return instances.flatMap(({ name, options: { bind } }) => {
      if (bind === undefined) return [];
      const key = JSON.stringify([bind.host, bind.port, bind.keys.interface]);
      const first = listening.get(key);
      listening.set(key, first ?? name);
      if (first === undefined) return [];
      const problem = `instance '${first}' listens there too; only one of them receives what arrives`;
      return [{ instance: name, problem, severity: "warning" as const, option: "bind" }];
    });
  },
  load: () => import("./osc.js"),
});

const ADD_DESTINATION = "add where to send to, as in: destination = 10.0.0.2 9000";

function isSending({ destination: to, also }: Section): boolean {
  return to !== undefined || also.length > 0;
}

/** What keeps a channel from having any effect. */
function warningFor(
  use: ChannelUse,
  section: Section,
  { meaning, name = "" }: ParsedChannel<OscChannel> & { readonly problem?: undefined },
): { readonly warning: string; readonly help?: readonly string[] } | undefined {
  if (use === "output") {
    if (section.bind !== undefined || isSending(section)) return undefined;
    return {
      warning: "nothing arrives here: the instance listens nowhere",
      help: ["add where to listen, as in: bind = * 8000"],
    };
  }
  if (!isSending(section)) {
    return { warning: "nothing is sent: the instance has no destination", help: [ADD_DESTINATION] };
  }
  const format = meaning?.format;
  if (format === undefined) {
    return {
      warning: "nothing is sent: no option gives the types of this path's arguments",
      help: [`add a line like: ${name.replace(/:\d+$/, "")} = f 0 1`],
    };
  }
  const channels = Math.max(format.variables.length, 1);
  if ((meaning?.argument ?? 0) < channels) return undefined;
  return {
    warning: `nothing is sent: messages to this path have ${channels === 1 ? "one channel" : `${channels} channels`}`,
  };
}
