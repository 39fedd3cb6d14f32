// Warnings about what the module's functions do other than asked for, each once, with its place.
import assert from "node:assert/strict";
import { ASK, ask, CONFIG, start } from "./session.js";

async function warnings(code: string, config = CONFIG): Promise<string[]> {
  const session = await start(config, { "mod.py": `${ASK}def go(value): pass\n${code}` });
  await ask(session);
  await ask(session);
  return session.log.entries.filter(({ level }) => level === "warn").map(({ message }) => message);
}

/** In `loud()`, which is called by started(), at the third line of it. */
const loud = (code: string) => `
def loud():
    for _ in range(3):
        ${code}
midimonster.started(loud)
`;

describe("a warning is logged once", () => {
  const cases: [what: string, code: string, expected: RegExp[]][] = [
    [
      "for a period that rounding changes",
      loud("midimonster.interval(print, 25)"),
      [
        /^py: mod\.py:10: interval\(builtins\.print, 25\) is called every 30 ms, since periods are rounded to multiples of 10 ms; interval\(builtins\.print, 25, exact=True\) keeps 25 ms$/,
      ],
    ],
    [
      "for a period below 10 ms",
      loud("midimonster.interval(loud, 1000 / 120)"),
      [/interval\(mod\.loud, 8\.33333\) is called every 10 ms, .* exact=True\) keeps 8\.33333 ms$/],
    ],
    [
      "for each function",
      "def one(): pass\ndef two(): pass\nfor f in (one, two, one): midimonster.interval(f, 1234)\n",
      [/interval\(mod\.one, 1234\) is called every 1230 ms/, /interval\(mod\.two, 1234\)/],
    ],
    ["not for periods that stay as they are", loud("midimonster.interval(print, 0.1 * 100 + 1e-12)"), []],
    [
      "not for those that are exact, or not rounded",
      loud("midimonster.interval(print, 25, exact=True); midimonster.after(print, 123)"),
      [],
    ],
    [
      "for a channel's value above the range, with what a DMX level is divided by",
      loud("midimonster.output('out', 128)"),
      [
        /^py: mod\.py:10: output\(\) of 128 on channel 'out': values go from 0\.0 to 1\.0, so it counts as 1\.0; divide a DMX level by 255 \(logged once a channel\)$/,
      ],
    ],
    [
      "for a channel's value below the range",
      loud("midimonster.output('out', -0.5); midimonster.output('out', 64)"),
      [/output\(\) of -0\.5 on channel 'out': values go from 0\.0 to 1\.0, so it counts as 0\.0 \(logged/],
    ],
    [
      "for each channel whose value is outside the range",
      loud("midimonster.output('out', float('inf')); midimonster.output('done', 64)"),
      [/output\(\) of inf on channel 'out'/, /output\(\) of 64 on channel 'done': .*; divide a MIDI value by 127/],
    ],
    [
      "not for what computing leaves",
      loud("midimonster.output('out', 0.1 + 0.2 + 0.7); midimonster.output('out', -1e-9)"),
      [],
    ],
    [
      "for the values of a batch that are outside the range",
      `batch = midimonster.batch(['out', 'done'])\n${loud("batch.output([2, 0.5])")}`,
      [/^py: mod\.py:11: output\(\) of 2 on channel 'out': values go from 0\.0 to 1\.0/],
    ],
    [
      "for output on an unknown channel, with the one that was meant",
      loud("midimonster.output('outt', 1); midimonster.output('xyz', 1)"),
      [
        /^py: mod\.py:10: output\(\) on channel 'outt', which is not mapped anywhere; it is ignored; did you mean 'out'\?$/,
        /output\(\) on channel 'xyz', which is not mapped anywhere; it is ignored$/,
      ],
    ],
    [
      "for output on a channel with the name of an instance, its own or another",
      loud("midimonster.output('py.out', 1); midimonster.output('lamps.dimmer', 1)"),
      [
        /output\(\) on channel 'py\.out', .*; did you mean 'out', without the instance's name\?$/,
        /output\(\) on channel 'lamps\.dimmer', .*; output\(\) takes channels of this instance only, and \[map\]/,
      ],
    ],
    [
      "for an unknown channel only as such",
      loud("midimonster.output('otu', 7)"),
      [/'otu', which is not mapped anywhere/],
    ],
  ];
  for (const [what, code, expected] of cases) {
    it(what, async () => {
      const found = await warnings(code);
      assert.equal(found.length, expected.length, found.join("\n"));
      for (const [i, pattern] of expected.entries()) assert.match(found[i] ?? "", pattern);
    });
  }

  it("across reloads", async () => {
    const code = `${ASK}def go(value): pass\nmidimonster.interval(go, 25)\nmidimonster.started(lambda: midimonster.output("out", 2))\n`;
    const session = await start(CONFIG, { "mod.py": code });
    session.write("mod.py", `${code}# changed\n`);
    await session.router.reload();
    await ask(session);
    assert.equal(session.log.matching(/every 30 ms/).length, 1);
    assert.equal(session.log.matching(/output\(\) of 2/).length, 1);
  });
});
