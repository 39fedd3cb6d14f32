// Tasks that will not end: how long a reload and a stop wait for them.
import assert from "node:assert/strict";
import { PATIENT_CONFIG, problems, start } from "./session.js";

const module = (text: string) => `
import asyncio
def ask(value):
    midimonster.output("done", value)
def go(value):
    pass
${text}`;

describe("a reload with a stubborn task", () => {
  it("does not wait for a task that will not end for longer than two seconds", async () => {
    const session = await start(PATIENT_CONFIG, {
      "mod.py": module(`
async def stubborn():
    midimonster.output("out", 1)
    while True:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            if "stop" in globals(): raise
midimonster.task(stubborn())
`),
    });
    await session.probe.until("out");
    session.write(
      "mod.py",
      module(
        "previous = midimonster.previous()\nasync def main():\n    previous.stop = True\n    midimonster.output('out', 1)\nmidimonster.task(main())\n",
      ),
    );
    await session.router.reload();
    await session.probe.until("out", 2);
    await session.log.seen(/have not ended/);
    assert.deepEqual(problems(session), [
      "py: tasks of a replaced module have not ended 2 s after they were cancelled: mod.stubborn",
    ]);
  });
});

describe("a stop with a stubborn task", () => {
  const cases: [what: string, text: string, said: unknown[], problems: RegExp[]][] = [
    [
      "does not wait for a task that will not end for longer than two seconds, and names it",
      `
async def stubborn():
    midimonster.output("out", 1)
    while True:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            pass
midimonster.task(stubborn())
`,
      [],
      [/^py: tasks have not ended 2 s after they were cancelled: mod\.stubborn$/],
    ],
    [
      "does not wait for a thread of the executor for longer than for other threads",
      `
import threading
async def main():
    midimonster.output("out", 1)
    await asyncio.get_running_loop().run_in_executor(None, threading.Event().wait, 60)
midimonster.task(main())
`,
      [],
      [/^py: Python threads did not end: asyncio_0;/],
    ],
  ];
  for (const [what, text, said, expected] of cases) {
    it(what, async () => {
      const session = await start(PATIENT_CONFIG, { "mod.py": module(text) });
      await session.probe.until("out");
      await session.router.stop();
      assert.deepEqual(session.said(), said);
      const found = problems(session);
      assert.equal(found.length, expected.length, found.join("\n"));
      for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? "", pattern);
    });
  }
});
