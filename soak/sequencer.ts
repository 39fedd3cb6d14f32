/** What stands in for ALSA's sequencer, with one device that sends back what it gets. */
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export interface Sequencer {
  /** What mmpy needs to find it. */
  readonly environment: NodeJS.ProcessEnv;
  close(): void;
}

const SOURCE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "test", "native", "fake-libasound.c");
/** SND_SEQ_PORT_CAP_*: it can be read from and written to. */
const BOTH = 0x63;
const SENT = /^sent (\d+) to \S+ type (\d+): (.+)$/;

/** Builds it, and writes the part of the configuration that uses it. */
export async function startSequencer(folder: string): Promise<Sequencer | undefined> {
  const isThere = spawnSync("cc", ["--version"]).error === undefined;
  const lines = [
    "[midi midi]\nread = echo\nwrite = echo",
    "[map]\nwire.midi{1..16} > midi.ch{0..15}.pitch\nmidi.ch{0..15}.pitch > wire.midi{1..16}\n",
  ];
  writeFileSync(path.join(folder, "midi.cfg"), isThere ? lines.join("\n") : "");
  if (!isThere) {
    console.error("SKIPPED: MIDI: there is no C compiler; on Debian: apt-get install gcc");
    return undefined;
  }
  const compiled = spawnSync("cc", ["-shared", "-fPIC", "-o", path.join(folder, "libasound.so.2"), SOURCE]);
  if (compiled.status !== 0) throw new Error(String(compiled.stderr));
  const socket = createSocket("udp4");
  socket.on("message", (message, { port, address }) => {
    const [, instance, type, event] = SENT.exec(message.toString()) ?? [];
    if (event !== undefined) socket.send(`event ${type} to ${instance} from 20:0 ${event}`, port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    environment: {
      LD_LIBRARY_PATH: folder,
      MMPY_TEST_MIDI: String(socket.address().port),
      MMPY_TEST_MIDI_DEVICES: `add 20:0 ${BOTH} echo`,
    },
    close: () => socket.close(),
  };
}
