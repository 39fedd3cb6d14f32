import { isIPv4 } from "node:net";
import { parseAddress } from "../address.js";
import { declareBackend, type InstanceOfBackend, type InstancesProblem, type SectionProblem } from "../declare.js";
import { type Address, option } from "../options.js";
import { detectOption, slotOptions } from "../shared/slot-options.js";
import { parseSlot, SLOT_FORMS, type SlotMeaning } from "../shared/slots.js";

export const ARTNET_PORT = 6454;
const MAX_NET = 127;
const MAX_UNIVERSE = 255;

/** `auto`: the nodes that say they output the universe. */
export type Destination = Address | "auto";

export const options = {
  bind: option.address({
    doc: "an address to send from and to receive on; `announce` is the one that peers are told, `interface` takes the address of a network interface",
    defaultPort: ARTNET_PORT,
    keys: ["announce", "interface"],
    repeatable: true,
    example: "0.0.0.0",
  }),
  net: option.integer({ doc: "the net of instances that have none", default: 0, min: 0, max: MAX_NET, base: 0 }),
  detect: detectOption(),
};

export const instanceOptions = {
  net: option.integer({ doc: "the net; default: that of the backend", min: 0, max: MAX_NET, base: 0 }),
  universe: option.integer({
    doc: "the universe in the net, with the sub-net in the upper four bits",
    default: 0,
    min: 0,
    max: MAX_UNIVERSE,
    base: 0,
    aliases: ["uni"],
  }),
  destination: option.custom<Destination>(
    {
      doc: "where to send, which may be a broadcast address; `auto`: to the nodes that ask for the universe. Without it, nothing is sent",
      aliases: ["dest"],
      example: "10.0.0.255",
    },
    {
      kind: "address",
      form: "HOST [PORT] | auto",
      words: ["auto"],
      parse: (text) => (text === "auto" ? { value: text } : parseAddress(text, { defaultPort: ARTNET_PORT })),
    },
  ),
  interface: option.integer({
    doc: "which `bind` of the backend to use, from 0",
    default: 0,
    min: 0,
    base: 0,
    aliases: ["iface"],
  }),
  ...slotOptions("latest"),
};

export type BackendOptions = typeof options;
export type Options = typeof instanceOptions;

export default declareBackend<BackendOptions, Options, SlotMeaning>({
  name: "artnet",
  summary: "Art-Net 4: universes of DMX512 over UDP",
  options,
  instanceOptions,
  channels: {
    forms: SLOT_FORMS,
    parse(name, use, section) {
      const parsed = parseSlot(name);
      if (parsed.problem !== undefined || use === "output" || section.options.destination !== undefined) return parsed;
      return {
        ...parsed,
        warning: "events that go there are not sent, since the instance has no destination",
        help: ["write destination = 10.0.0.255 in its section, or destination = auto"],
      };
    },
  },
  checkOptions,
  checkInstances,
  load: () => import("./artnet.js"),
});

/** The universe as it is on the network: 15 bits. */
export function portAddress(instance: { net: number | undefined; universe: number }, backend: { net: number }): number {
  return ((instance.net ?? backend.net) << 8) | instance.universe;
}

function checkOptions({ bind }: { readonly bind: readonly Address[] }): SectionProblem[] {
  const wrong = bind.find(({ keys: { announce } }) => announce !== undefined && !isIPv4(announce));
  if (wrong === undefined) return [];
  return [{ option: "bind", problem: `'announce' is an IPv4 address, not '${wrong.keys.announce}'` }];
}

function checkInstances(
  instances: readonly InstanceOfBackend<Options>[],
  backend: { readonly bind: readonly Address[]; readonly net: number },
): InstancesProblem[] {
  const problems: InstancesProblem[] = [];
  const [first] = instances;
  if (backend.bind.length === 0 && first !== undefined) {
    const help = ["write [backend artnet] and, below it, bind = 0.0.0.0"];
    return [{ instance: first.name, problem: "backend 'artnet' has no address to use", help }];
  }
  const known = new Map<string, string>();
  for (const { name: instance, options: own } of instances) {
    const { interface: index } = own;
    if (index >= backend.bind.length) {
      const problem = `'interface' is ${index}, but [backend artnet] has ${backend.bind.length} 'bind', counted from 0`;
      problems.push({ instance, option: "interface", problem });
    }
    const address = portAddress(own, backend);
    const key = `${index} ${address}`;
    const other = known.get(key);
    if (other !== undefined) {
      const problem = `net ${address >> 8}, universe ${address & 0xff} is that of instance '${other}' too`;
      problems.push({ instance, problem, help: ["one instance can receive a universe and send it"] });
    }
    known.set(key, instance);
  }
  return problems;
}
