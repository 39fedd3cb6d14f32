import { isIPv4 } from "node:net";
import { type AddressForm, formOfAddress, parseAddress } from "../address.js";
import { declareBackend } from "../declare.js";
import { type Address, option, type Parsed, type Values } from "../options.js";
import { checkUniverses } from "../shared/slot-instances.js";
import { detectOption, slotOptions } from "../shared/slot-options.js";
import { parseSlot, SLOT_FORMS, type SlotMeaning } from "../shared/slots.js";

const ARTNET_PORT = 6454;
const BIND: AddressForm = { defaultPort: ARTNET_PORT, keys: ["announce", "interface"] };
const MAX_NET = 127;
const MAX_UNIVERSE = 255;

/** `auto`: the nodes that say they output the universe. The host {@link BROADCAST}: all networks. */
export type Destination = Address | "auto";

/** The host that stands for the broadcast addresses of all networks that the backend's address is in. */
export const BROADCAST = "broadcast";

export const options = {
  bind: option.custom<Address, { readonly doc: string; readonly example: string; readonly repeatable: true }>(
    {
      doc: "an address to send from and to receive on; `announce` is the one given to peers, `interface` takes the address of a network interface",
      repeatable: true,
      example: "0.0.0.0",
    },
    { kind: "address", form: formOfAddress(BIND), parse: parseBind },
  ),
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
      doc: "where to send; `broadcast`: to everybody in the network, or in all of them; `auto`: to the nodes that ask for the universe. Without it, nothing is sent",
      aliases: ["dest"],
      example: "10.0.0.2",
    },
    {
      kind: "address",
      form: "HOST [PORT] | broadcast [PORT] | auto",
      words: [BROADCAST, "auto"],
      parse: (text) => (text === "auto" ? { value: text } : parseAddress(text, { defaultPort: ARTNET_PORT })),
    },
  ),
  also: option.address({
    doc: "a further destination, or `broadcast`",
    defaultPort: ARTNET_PORT,
    repeatable: true,
    example: "10.0.1.7",
  }),
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
      if (parsed.problem !== undefined || use === "output" || isSending(section.options)) return parsed;
      return {
        ...parsed,
        warning: "events that go there are not sent, since the instance has no destination",
        help: ["write destination = broadcast in its section, destination = auto, or an address"],
      };
    },
  },
  checkInstances: (instances, backend) =>
    checkUniverses({ name: "artnet", binds: backend.bind.length }, instances, ({ options: own }) =>
      showUniverse(portAddress(own, backend)),
    ),
  load: () => import("./artnet.js"),
});

/** Whether an instance sends its universe. */
export function isSending({ destination, also }: Pick<Values<Options>, "destination" | "also">): boolean {
  return destination !== undefined || also.length > 0;
}

/** The universe as it is on the network: 15 bits. */
export function portAddress(instance: { net: number | undefined; universe: number }, backend: { net: number }): number {
  return ((instance.net ?? backend.net) << 8) | instance.universe;
}

/** For people. */
export function showUniverse(portAddress: number): string {
  return `net ${portAddress >> 8}, universe ${portAddress & 0xff}`;
}

function parseBind(text: string): Parsed<Address> {
  const parsed = parseAddress(text, BIND);
  const announced = parsed.problem === undefined ? parsed.value.keys.announce : undefined;
  if (announced === undefined || isIPv4(announced)) return parsed;
  const span = { start: text.indexOf(`announce=${announced}`) + "announce=".length, length: announced.length };
  return { problem: `can announce an IPv4 address, not '${announced}'`, span };
}
