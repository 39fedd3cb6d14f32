import { declareBackend } from "../declare.js";
import { type Address, option, type Parsed, type Values } from "../options.js";
import { numericHost } from "../shared/hosts.js";
import { wholeNumber } from "../shared/numbers.js";
import { checkUniverses } from "../shared/slot-instances.js";
import { detectOption, slotOptions } from "../shared/slot-options.js";
import { parseSlot, SLOT_FORMS, type SlotMeaning } from "../shared/slots.js";
import { familiesOf } from "./groups.js";
import { CID_LENGTH, NAME_LENGTH } from "./packets.js";

export const SACN_PORT = 5568;
const MAX_UNIVERSE = 63_999;
const MAX_PRIORITY = 200;

/** The word after an address that makes it receive what this program sends itself. */
export const LOCAL = "local";

export const options = {
  name: option.custom<string, { readonly doc: string; readonly default: string }>(
    { doc: "the name of the source, for people", default: "MIDIMonster" },
    { kind: "text", form: "TEXT", parse: parseName },
  ),
  cid: cidOption(
    "what identifies this program as a source: 16 numbers. Default: derived from the machine and the configuration's path",
  ),
  bind: option.address({
    doc: "an address to send from and to receive on: `::` stands for IPv6 beside IPv4; with `local`, what this program sends arrives here too; `interface` takes the address of a network interface",
    defaultPort: SACN_PORT,
    words: [LOCAL],
    keys: ["interface"],
    repeatable: true,
    example: "0.0.0.0",
  }),
  detect: detectOption(),
};

export const instanceOptions = {
  universe: option.integer({ doc: "the universe", required: true, min: 1, max: MAX_UNIVERSE, example: "1" }),
  priority: option.integer({
    doc: "sends the universe with this priority: receivers take the highest; 0: it is not sent",
    default: 0,
    min: 0,
    max: MAX_PRIORITY,
  }),
  destination: option.address({
    doc: "where to send; without it, to the universe's multicast group",
    defaultPort: SACN_PORT,
    example: "10.0.0.2",
  }),
  also: option.address({
    doc: "a further destination, besides `destination` or the multicast group",
    defaultPort: SACN_PORT,
    repeatable: true,
    example: "10.0.0.3",
  }),
  interface: option.integer({
    doc: "which `bind` of the backend to use, from 0",
    default: 0,
    min: 0,
  }),
  from: cidOption("receives only this source: the 16 numbers of its CID"),
  unicast: option.flag({ doc: "does not join the universe's multicast group", default: false }),
  ...slotOptions("htp"),
};

export type BackendOptions = typeof options;
export type Options = typeof instanceOptions;

export default declareBackend<BackendOptions, Options, SlotMeaning>({
  name: "sacn",
  summary: "sACN (ANSI E1.31-2018): universes of DMX512 over UDP multicast",
  options,
  instanceOptions,
  channels: {
    forms: SLOT_FORMS,
    parse(name, use, { options: { priority } }) {
      const parsed = parseSlot(name);
      if (parsed.problem !== undefined || use === "output" || priority > 0) return parsed;
      return {
        ...parsed,
        warning: "events that go there are not sent, since the instance has no priority",
        help: ["write priority = 100 in its section"],
      };
    },
  },
  checkInstances: (instances, { bind }) => [
    ...checkUniverses({ name: "sacn", binds: bind.length }, instances, ({ options: own }) =>
      showUniverse(own.universe),
    ),
    ...instances.flatMap(({ name, options: own }) => problemsOfFamily(name, own, bind[own.interface])),
  ],
  load: () => import("./sacn.js"),
});

function problemsOfFamily(instance: string, { destination, also }: Values<Options>, bind: Address | undefined) {
  if (bind === undefined) return [];
  const families = familiesOf(bind);
  const problemOf = (option: "destination" | "also", { host }: Address) => {
    const family = numericHost(host)?.family;
    if (family === undefined || families.includes(family)) return [];
    const problem = `'${option}' is an address of IPv${family}, but 'bind' is one of IPv${families[0]}: ${bind.host}`;
    return [
      {
        instance,
        option,
        problem,
        help: ["write bind = :: for both, or another 'bind' and its number as 'interface'"],
      },
    ];
  };
  return [
    ...(destination === undefined ? [] : problemOf("destination", destination)),
    ...also.flatMap((address) => problemOf("also", address)),
  ];
}

/** For people. */
export function showUniverse(universe: number): string {
  return `universe ${universe}`;
}

function parseName(text: string): Parsed<string> {
  const length = Buffer.byteLength(text);
  if (length < NAME_LENGTH) return { value: text };
  return { problem: `has ${length} bytes: ${NAME_LENGTH - 1} is the most that a packet has room for` };
}

function cidOption(doc: string) {
  return option.custom<Buffer>(
    { doc, example: "0x4d 0x49 0 0 0 0 0 0 0 0 0 0 0 0 0 1" },
    { kind: "cid", form: "16 numbers from 0 to 255", parse: parseCid },
  );
}

function parseCid(text: string): Parsed<Buffer> {
  const pieces = [...text.matchAll(/\S+/g)];
  if (pieces.length > CID_LENGTH) return { problem: `has ${pieces.length} numbers instead of ${CID_LENGTH}` };
  const bytes: number[] = [];
  for (const piece of pieces) {
    const byte = wholeNumber(piece[0]);
    if (!(byte >= 0 && byte <= 255)) {
      const span = { start: piece.index, length: piece[0].length };
      return { problem: `has numbers from 0 to 255, not '${piece[0]}'`, span };
    }
    bytes.push(byte);
  }
  const value = Buffer.alloc(CID_LENGTH);
  value.set(bytes);
  if (bytes.length === CID_LENGTH) return { value };
  // As in MIDIMonster.
  return { value, warning: `has ${bytes.length} numbers instead of ${CID_LENGTH}: the others are 0` };
}
