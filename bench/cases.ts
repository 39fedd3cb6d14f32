/** A configuration of two instances between which events go round and round, and how many events its time is for. */
export interface BenchCase {
  readonly name: string;
  readonly what: string;
  /** Channels, and so events a round, in each direction. */
  readonly channels: number;
  /** Handler calls to time. */
  readonly events: number;
}

export const CASES: readonly BenchCase[] = [
  { name: "hop", what: "two instances, one event at a time", channels: 1, events: 1_000_000 },
  { name: "burst-16", what: "two instances, 16 events a round", channels: 16, events: 1_000_000 },
  { name: "universe", what: "two instances, 512 events a round", channels: 512, events: 1_000_000 },
  { name: "wide-4096", what: "two instances, 4096 events a round", channels: 4096, events: 500_000 },
];

/** The files of a case: the same for both programs. */
export function filesOf({ channels, events }: BenchCase): Record<string, string> {
  return {
    "monster.cfg": `
[python a]
module = ping
[python b]
module = pong
[map]
a.o{1..${channels}} > b.pong.f{1..${channels}}
b.o{1..${channels}} > a.ping.f{1..${channels}}
`,
    // One handler a channel, as people write them: each outputs on a channel that it names by a constant.
    "pong.py": `
import midimonster
def make(name):
    def handler(value, output=midimonster.output):
        output(name, value)
    return handler
for i in range(1, ${channels} + 1):
    globals()["f%d" % i] = make("o%d" % i)
`,
    "ping.py": `
import json, os, signal, time
import midimonster
CHANNELS, EVENTS = ${channels}, ${events}
ROUNDS = EVENTS // CHANNELS // 2
names = ["o%d" % i for i in range(1, CHANNELS + 1)]
rounds = 0
started = 0.0
def make(name):
    def handler(value, output=midimonster.output):
        output(name, value)
    return handler
for i in range(1, CHANNELS):
    globals()["f%d" % i] = make(names[i - 1])
# The last channel of a round also counts rounds; with one channel it is the only one.
def last(value):
    global rounds
    rounds += 1
    if rounds == ROUNDS:
        elapsed = time.perf_counter() - started
        events = 2 * ROUNDS * CHANNELS
        print(json.dumps({"ns": elapsed / events * 1e9, "events": events, "value": value}), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    midimonster.output(names[-1], value)
globals()["f%d" % CHANNELS] = last
def begin():
    global started
    midimonster.interval(begin, 0)
    started = time.perf_counter()
    for name in names:
        midimonster.output(name, 0.625)
midimonster.interval(begin, 100)
`,
  };
}
