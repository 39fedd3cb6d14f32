// The system's MIDI ports: finding the one that an option names, and listing them for people.
import type { MidiDevice } from "../../binding.js";
import { type Port, showPort } from "./events.js";

/** SND_SEQ_PORT_CAP_*: what a port has to have to be connected. */
const SENDS = (1 << 0) | (1 << 5);
const RECEIVES = (1 << 1) | (1 << 6);
const NO_EXPORT = 1 << 7;

const SYSTEM = 0;

/** As {@link MidiDevice}s, or null where they can't be listed. */
export type DeviceList = readonly MidiDevice[] | null;

/**
 * The port that an option names.
 *
 * @param text the option
 * @param found what ALSA's library finds, undefined if nothing
 * @param own the number of this program's client
 */
export function findPort(text: string, found: Port | undefined, list: () => DeviceList, own: number): Port | undefined {
  const isNumber = /^\d/.test(text);
  // The beginning of a name may be that of this program's own, MIDIMonster, too, which is hardly meant.
  if (found !== undefined && (isNumber || found.client !== own)) return found;
  const devices = list() ?? [];
  if (found !== undefined && devices.some(({ client, clientName }) => client === own && clientName === nameIn(text))) {
    return found;
  }
  // The library ends a name at the first dot or colon, which names of devices may contain.
  const [, name = text, port = "0"] = /^(.*)[:.](\d+)$/s.exec(text) ?? [];
  const candidates: readonly [string, number][] = [
    [text, 0],
    [name, Number(port)],
  ];
  for (const matches of [equals, begins]) {
    for (const [wanted, number] of candidates) {
      const device = devices.find(({ client, clientName }) => client !== own && matches(clientName, wanted));
      if (device !== undefined) return { client: device.client, port: number };
    }
  }
  return undefined;
}

/** A name as the library takes it. */
function nameIn(text: string): string {
  return text.replace(/[:.].*$/s, "");
}

function equals(name: string, wanted: string): boolean {
  return name === wanted;
}

function begins(name: string, wanted: string): boolean {
  return wanted !== "" && name.startsWith(wanted);
}

/** A port for people: `'nanoKONTROL2' (20:0)`. */
export function describePort(port: Port, list: DeviceList): string {
  const name = (list ?? []).find((device) => device.client === port.client && device.port === port.port)?.clientName;
  return name === undefined ? showPort(port) : `'${name}' (${showPort(port)})`;
}

/** How many ports a message lists. */
const MOST = 8;

/** The ports that could be connected, for people; undefined where they can't be listed. */
export function describePorts(list: DeviceList, own: number, toPeer: boolean): string | undefined {
  if (list === null) return undefined;
  const needed = toPeer ? RECEIVES : SENDS;
  const possible = list.filter(
    ({ client, capabilities }) =>
      client !== own && client !== SYSTEM && (capabilities & needed) === needed && (capabilities & NO_EXPORT) === 0,
  );
  if (possible.length === 0) return `there is none to ${toPeer ? "send to" : "receive from"}`;
  const shown = possible.slice(0, MOST).map((device) => `${showPort(device)} '${device.clientName}'`);
  return `there are ${shown.join(", ")}${possible.length > MOST ? `, and ${possible.length - MOST} more` : ""}`;
}
