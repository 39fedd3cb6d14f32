import { nearest } from "../../config/suggest.js";
import { declareBackend, type ParsedChannel } from "../declare.js";
import { option, type Parsed } from "../options.js";
import { timeoutOptions } from "../shared/timeout-options.js";
import { parseBroker, withoutPassword } from "./broker.js";
import { checkLines, type Format, type FormatLine, formatOf, LINE_FORM, parseLine } from "./format.js";

/** Beyond that, it would be no limit. */
const MAX_RATE = 1000;

export const options = {
  detect: option.flag({
    doc: "whether the log shows the messages of the broker, also those of topics that no mapping uses",
    default: false,
  }),
};

export const instanceOptions = {
  host: option.custom(
    {
      doc: "the broker, by default on port 1883; with `mqtts://`, which encrypts, on port 8883",
      example: "mqtt://10.0.0.2",
      required: true,
      shown: withoutPassword,
    },
    { kind: "broker", form: "[mqtt[s]://][USER[:PASSWORD]@]HOST[:PORT]", parse: parseBroker },
  ),
  user: option.text({ doc: "the user to log in as", form: "NAME", example: "lights" }),
  password: option.text({ doc: "the user's password", form: "PASSWORD", shown: (text) => "*".repeat(text.length) }),
  clientid: option.text({
    doc: "the name of this connection, which only one client of a broker can have; by default made up at each start",
    form: "NAME",
    example: "MM-main",
  }),
  protocol: option.custom<"5" | "3.1.1">(
    { doc: "the version of MQTT: 3.1.1 is also used if the broker does not know 5", default: "5" },
    { kind: "choice", form: "5 | 3.1.1", parse: parseProtocol },
  ),
  ca: option.path({
    doc: "the certificates to trust instead of the system's, as PEM",
    example: "ca.crt",
    mustExist: true,
  }),
  cert: option.path({
    doc: "a certificate to log in with, as PEM; needs `key`",
    example: "client.crt",
    mustExist: true,
  }),
  key: option.path({ doc: "the key of that certificate, as PEM", example: "client.key", mustExist: true }),
  insecure: option.flag({ doc: "whether any certificate of the broker is accepted", default: false }),
  base: topicOption("a prefix of all topics, put before the names of channels as it is", "stage/"),
  status: topicOption(
    "a topic with the retained text `online` while this instance is connected, and `offline` otherwise; without `base`",
    "stage/midimonster",
  ),
  retain: option.flag({
    doc: "whether the broker keeps the last value of each topic for those that subscribe later",
    default: false,
  }),
  qos: option.integer({
    doc: "the quality of service of messages, in both directions: 0 at most once, 1 at least once, 2 exactly once",
    default: 0,
    min: 0,
    max: 2,
  }),
  rate: option.number({
    doc: "the most messages of each topic that are sent in a second, for brokers that limit them; the last value always is; 0: any number",
    default: 0,
    min: 0,
    max: MAX_RATE,
  }),
  ...timeoutOptions("messages"),
  keepalive: option.integer({
    doc: "the time after which a silent broker is asked whether it is there; after half as long again it counts as lost",
    unit: "s",
    default: 20,
    min: 1,
    max: 65535,
  }),
};

export default declareBackend<typeof options, typeof instanceOptions, Format, FormatLine>({
  name: "mqtt",
  summary: "receives and sends values as messages of an MQTT broker",
  options,
  instanceOptions,
  optionPatterns: [
    {
      form: "TOPIC",
      doc: "the form of the values of a topic; several `discrete` lines are tried in order",
      valueForm: LINE_FORM,
      example: "range 0 100",
      live: true,
      parse: parseTopicLine,
    },
  ],
  channels: {
    forms: [{ form: "TOPIC", doc: "a topic, without wildcards", example: "stage/dimmer/1" }],
    parse: (name, _use, section) => parseTopic((section.options.base ?? "") + name, () => formatOf(name, section)),
  },
  examples: ["mqtt.cfg"],
  checkInstanceOptions({ options: { host, ca, cert, key, insecure }, patterns }) {
    const problems = [...checkLines(patterns)];
    if ((cert === undefined) !== (key === undefined)) {
      const [there, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
      problems.push({ problem: `'${there}' needs '${missing}' too`, option: there });
    }
    if (host.tls) return problems;
    for (const [name, given] of Object.entries({ ca, cert, key, insecure: insecure || undefined })) {
      if (given === undefined) continue;
      const problem = `'${name}' has no effect, since the connection is not encrypted`;
      problems.push({ problem, severity: "warning", option: name, help: ["write host = mqtts://HOST"] });
    }
    return problems;
  },
  load: () => import("./mqtt.js"),
});

/** As in MIDIMonster, for which any other word is 5. */
function parseProtocol(text: string): Parsed<"5" | "3.1.1"> {
  if (text === "5" || text === "3.1.1") return { value: text };
  return { value: "5", warning: `is 5 or 3.1.1, not '${text}': 5 is used` };
}

const MAX_TOPIC = 65535; // bytes

function parseTopic<C>(topic: string, meaning: () => C): ParsedChannel<C> {
  const wildcard = /[+#]/.exec(topic)?.[0];
  if (wildcard !== undefined)
    return { problem: `a topic can't contain '${wildcard}': each needs a channel of its own` };
  if (Buffer.byteLength(topic) > MAX_TOPIC) return { problem: `a topic can't be longer than ${MAX_TOPIC} bytes` };
  return { meaning: meaning() };
}

/** What other programs call an option. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ["port", "the port follows the host, as in: host = 10.0.0.2:1884"],
  ["broker", "write host = HOST, or host = HOST:PORT"],
  ["server", "write host = HOST, or host = HOST:PORT"],
  ["username", "write user = NAME"],
  [
    "topic",
    "topics are names of channels in [map]; a line here is needed for other values than 0 to 1: TOPIC = range 0 100",
  ],
]);

function parseTopicLine(name: string, text: string): Parsed<FormatLine> {
  const line = parseLine(text);
  const { problem } = parseTopic(name, () => undefined);
  if (line !== undefined && problem !== undefined) return { problem: `is not a topic: ${problem}`, in: "name" };
  if (line !== undefined) return line;
  const near = nearest(name, Object.keys(instanceOptions));
  if (near !== undefined) return { problem: "is not an option", in: "name", help: [`did you mean '${near}'?`] };
  const meant = ELSEWHERE.get(name);
  if (meant !== undefined) return { problem: "is not an option", in: "name", help: [meant] };
  return {
    problem: `is ${LINE_FORM.replace(" | ", " or ")}, not '${text}'`,
    help: ["a name that is not an option is a topic; mmpy backends mqtt lists the options"],
  };
}

/** In MIDIMonster, a topic could have this name: its format must not be taken for a topic. */
function topicOption(doc: string, example: string) {
  return option.custom<string>(
    { doc, example },
    {
      kind: "topic",
      form: "TOPIC",
      parse(text) {
        if (parseLine(text) !== undefined) return { problem: "is an option, and can't be a topic that has a format" };
        const { problem } = parseTopic(text, () => undefined);
        return problem === undefined ? { value: text } : { problem: `is not a topic: ${problem}` };
      },
    },
  );
}
