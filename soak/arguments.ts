/** The command line of `npm run soak`. */
import { cpus } from "node:os";
import { parseArgs } from "node:util";

const HELP = `Usage: npm run soak -- [options]

Runs mmpy with seven python instances (soak/show/): datagrams, TCP, loopbacks, batches, intervals, threads, short-lived
sockets, random exceptions; OSC, Art-Net, sACN, MQTT through mosquitto, and MIDI through what stands in for ALSA's sequencer. Checks that
no event is lost, that memory stays flat after a warm-up, that intervals are punctual, and that the log contains nothing unexpected.
Exit status 1 if a check fails.

Options:
  --minutes N   duration (default 5)
  --reloads     reload a changed module every five seconds or so
  --pages       a page and the monitor, whose clients come and go
  --kills       instead: eight instances in processes of their own (soak/kills/), one of which is killed every ten seconds
  -h, --help    show this text

Environment:
  MMPY_PYTHON   the Python to use
`;

export const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    reloads: { type: "boolean", default: false },
    pages: { type: "boolean", default: false },
    kills: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
export const minutes = Number(values.minutes);
if (!(minutes > 0)) fail(`--minutes ${values.minutes} is not a positive number`);
if (process.platform !== "linux") fail("this needs Linux: memory is read from /proc");
if (values.kills && (values.reloads || values.pages)) fail("--kills goes alone");

/** In ms. */
export const total = minutes * 60_000;
export const warmUp = Math.min(total / 3, Math.max(60_000, total / 10));

/** The first lines of a result. */
export function printHeading(): void {
  console.log(`npm run soak${process.argv.slice(2).length > 0 ? ` -- ${process.argv.slice(2).join(" ")}` : ""}`);
  console.log(
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}\n`,
  );
}
