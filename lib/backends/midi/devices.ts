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
 * The port that an option names. Of clients with the name, or else of those whose name begins like it, the first one, as ALSA's
 * library finds it; but the library ends a name at the first dot or colon, which names of devices may contain.
 *
 * @param text the option
 * @param found what the library finds, undefined if nothing
 * @param own the number of this program's client
 */
export function findPort(text: string, found: Port | undefined, list: () => DeviceList, own: number): Port | undefined {
  if (/^\d+([.:]|$)/.test(text)) return found;
  const devices = list();
  if (devices === null) return found;
  const [, name = text, port = "0"] = /^(.*)[.:](\d+)$/s.exec(text) ?? [];
  const candidates = [
    { wanted: text, port: 0 },
    { wanted: name, port: Number(port) },
  ];
  for (const candidate of candidates) {
    const device = devices.find(({ clientName }) => clientName === candidate.wanted);
    if (device !== undefined) return { client: device.client, port: candidate.port };
  }
  for (const candidate of candidates) {
    // The beginning of a name may be that of this program's own, MIDIMonster, too, which is hardly meant.
    const others = devices.filter(({ client }) => client !== own);
    const device = others.find(({ clientName }) => candidate.wanted !== "" && clientName.startsWith(candidate.wanted));
    if (device !== undefined) return { client: device.client, port: candidate.port };
  }
  return found?.client === own ? undefined : found;
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
  if (possible.length === 0) return `there is no other device to ${toPeer ? "send to" : "receive from"}`;
  const shown = possible.slice(0, MOST).map((device) => `${showPort(device)} '${device.clientName}'`);
  return `there are ${shown.join(", ")}${possible.length > MOST ? `, and ${possible.length - MOST} more` : ""}`;
}
