import { spawnSync } from "node:child_process";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import os from "node:os";
import path from "node:path";
import { folderWith, projectFolder } from "./helpers.js";
import { Waiting } from "./waiting.js";

/** SND_SEQ_PORT_CAP_*: a port that can be connected in both directions, and in one. */
export const BOTH = 0x63;
export const SENDS = 0x21;
export const RECEIVES = 0x42;

/** Builds what stands in for ALSA's library, as `libasound.so.2`. Returns its folder, or undefined without a C compiler. */
export function buildStandIn(flags: readonly string[] = []): string | undefined {
  if (spawnSync("cc", ["--version"]).error !== undefined) {
    console.log("SKIPPED: no C compiler; on Debian: apt-get install gcc");
    return undefined;
  }
  const folder = folderWith({});
  const source = path.join(projectFolder, "test", "native", "fake-libasound.c");
  const output = path.join(folder, "libasound.so.2");
  const compiled = spawnSync("cc", ["-shared", "-fPIC", ...flags, "-o", output, source], { encoding: "utf8" });
  if (/cannot find -l/.test(compiled.stderr)) {
    console.log("SKIPPED: no library of ALSA on this machine; on Debian: apt-get install alsa-utils");
    return undefined;
  }
  if (compiled.status !== 0) throw new Error(compiled.stderr);
  return folder;
}

/** Loads it into this process, as if it were preloaded. */
export function loadStandIn(folder: string): void {
  const { RTLD_NOW, RTLD_GLOBAL } = os.constants.dlopen;
  process.dlopen({ exports: {} }, path.join(folder, "libasound.so.2"), RTLD_NOW | RTLD_GLOBAL);
}

/** The sequencer that a stand-in shows: hears what the program calls, and has the sequencer do things. */
export class StandIn {
  /** What the program has called. */
  readonly calls: string[] = [];
  readonly #socket: Socket;
  readonly #waiting = new Waiting();
  #program: RemoteInfo | undefined;
  readonly #early: string[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (data, from) => {
      this.#program = from;
      for (const command of this.#early.splice(0)) this.command(command);
      this.calls.push(data.toString());
      this.#waiting.changed();
    });
  }

  /** @param devices commands, as `add 20:0 99 nanoKONTROL2` */
  static async open(...devices: string[]): Promise<StandIn> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    Object.assign(process.env, {
      MMPY_TEST_MIDI: String(socket.address().port),
      MMPY_TEST_MIDI_DEVICES: devices.join("\n"),
    });
    return new StandIn(socket);
  }

  /** Has the sequencer do something, once the program has opened it: see act() in fake-libasound.c. */
  command(text: string): void {
    const to = this.#program;
    if (to === undefined) this.#early.push(text);
    else this.#socket.send(text, to.port, to.address);
  }

  /** Resolves with all calls that match, once there are so many. */
  until(pattern: RegExp, count = 1): Promise<string[]> {
    return this.#waiting.until(() => {
      const found = this.matching(pattern);
      return found.length >= count ? found : undefined;
    });
  }

  matching(pattern: RegExp): string[] {
    return this.calls.filter((call) => pattern.test(call));
  }

  /** The events that were sent since this was last asked, as `type: channel parameter value`, once there are so many. */
  async sent(count: number): Promise<string[]> {
    await this.until(/^sent/, count);
    const sent = this.matching(/^sent/).map((call) => call.replace(/^sent \d+ to 254:253 type /, ""));
    this.calls.splice(0);
    return sent;
  }

  close(): Promise<void> {
    for (const name of ["MMPY_TEST_MIDI", "MMPY_TEST_MIDI_DEVICES", "MMPY_TEST_NO_MIDI"]) delete process.env[name];
    return new Promise((resolve) => this.#socket.close(resolve));
  }
}
