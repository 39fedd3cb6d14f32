// Backends that MIDIMonster has and this program does not: what to use instead, for the error about them.

const PYTHON = "write it as a module of the backend 'python'";

const INSTEAD: Readonly<Record<string, string>> = {
  lua: `${PYTHON}, whose functions correspond to those for Lua`,
  evdev: `${PYTHON}: the package evdev reads devices, midimonster.manage() watches them`,
  rtpmidi: "rtpmidid (Linux) or Audio MIDI Setup (macOS) makes local MIDI ports of RTP-MIDI sessions",
  visca: `${PYTHON}: VISCA's commands are a few bytes to a socket`,
  openpixelcontrol: "olad (Open Lighting Architecture) drives Open Pixel Control from Art-Net, sACN and OSC",
  jack: "a2jmidid makes ALSA MIDI ports of JACK's",
  ola: "olad (Open Lighting Architecture) sends and receives Art-Net, sACN and OSC",
  maweb: "grandMA3 speaks OSC, grandMA2 and dot2 take MIDI, Art-Net and sACN",
  winmidi: "it is for Windows, where this program does not run",
  wininput: "it is for Windows, where this program does not run",
};

/** Help for the name of a backend of MIDIMonster that is not here; undefined for other names. */
export function insteadOf(backend: string): string | undefined {
  return Object.hasOwn(INSTEAD, backend) ? INSTEAD[backend] : undefined;
}
