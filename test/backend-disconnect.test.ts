// What an instance is told, at reloads, of channels that mean something else or that no mapping uses any more.
import assert from "node:assert/strict";
import type { BackendDeclaration } from "../lib/backends/declare.js";
import type { Channel } from "../lib/backends/instance.js";
import { option } from "../lib/backends/options.js";
import { type Desk, DeskBackend, Rig } from "./desk-backend.js";

function desk(over: Partial<BackendDeclaration["channels"]>, more: Partial<BackendDeclaration>) {
  const backend = new DeskBackend();
  const forms = [{ form: "NAME", doc: "a channel", example: "a" }];
  return { backend, declaration: backend.declaration({ channels: { forms, ...over }, ...more }) };
}

describe("the channels that an instance is told of at a reload", () => {
  /** The meaning of a channel is its name and the live option `level`. */
  function told(disconnects: boolean) {
    const { backend, declaration } = desk(
      {
        parse: (name, _, { options: { level } }) =>
          name === "bad" ? { problem: "bad" } : { meaning: { name, level } },
      },
      { instanceOptions: { level: option.text({ doc: "", live: true, default: "1" }) } },
    );
    const calls: string[] = [];
    const names = (channels: readonly Channel[]) =>
      channels
        .map(({ index, use, meaning }) => `${index}${use[0]}=${Object.values(meaning as object).join("")}`)
        .join(" ");
    const inner = declaration.load;
    const withCalls: BackendDeclaration = {
      ...declaration,
      load: async () => {
        const module = await inner();
        return {
          open: async (setup) => {
            const open = await module.open(setup);
            return {
              instance: async (instanceSetup) => {
                const made = (await open.instance(instanceSetup)) as Desk;
                const connect = made.connect.bind(made);
                Object.assign(made, {
                  connect: (channels: readonly Channel[]) => {
                    calls.push(`${instanceSetup.name}+ ${names(channels)}`);
                    return connect(channels);
                  },
                  ...(disconnects && {
                    disconnect: (channels: readonly Channel[]) => {
                      calls.push(`${instanceSetup.name}- ${names(channels)}`);
                      backend.enter("disconnects");
                    },
                  }),
                });
                return made;
              },
            };
          },
        };
      },
    };
    return { backend, calls, rig: new Rig("[desk d]\n[desk z]\n[map]\nd.a > d.b\n", [withCalls]) };
  }
  const config = (level: number, ...mappings: string[]) =>
    `[desk d]\nlevel = ${level}\n[desk z]\n[map]\n${mappings.join("\n")}\n`;

  const cases: [what: string, disconnects: boolean, reloads: string[], calls: string[]][] = [
    ["nothing, where nothing changes", true, [config(1, "d.b < d.a")], []],
    ["channels whose meaning has changed", false, [config(2, "d.a > d.b")], ["d+ 0o=a2 1i=b2"]],
    ["no more of those that are gone", true, [config(1, "d.a > d.c")], ["d+ 2i=c1", "d- 1i=b1"]],
    [
      "nothing of those that are gone, without disconnect()",
      false,
      [config(1, "d.a > d.c"), config(1, "d.a > d.b")],
      ["d+ 2i=c1"],
    ],
    [
      "again of those that were gone, under their numbers",
      true,
      [config(1, "d.a > d.c"), config(1, "d.a > d.b")],
      ["d+ 2i=c1", "d- 1i=b1", "d+ 1i=b1", "d- 2i=c1"],
    ],
    [
      "of one use that is gone",
      true,
      [config(1, "d.a > d.b", "d.b > d.a"), config(1, "d.b > d.a")],
      ["d+ 0i=a1 1o=b1", "d- 0o=a1 1i=b1"],
    ],
    ["nothing, where a channel is wrong", true, [config(2, "d.a > d.bad")], []],
  ];
  for (const [what, disconnects, reloads, expected] of cases) {
    it(`are told: ${what}`, async () => {
      const { calls, rig } = told(disconnects);
      await rig.router.start();
      assert.deepEqual(calls.splice(0), ["d+ 0o=a1 1i=b1"]);
      for (const reload of reloads) await rig.reload(reload).catch((error) => assert.equal(error.code, "CONFIG"));
      assert.deepEqual(calls, expected);
    });
  }

  for (const [how, disconnects, expected] of [
    ["with disconnect()", true, ["d+ 0o=a2 2i=c2", "z+ 0i=q1", "d- 2i=c2", "d+ 0o=a1"]],
    ["without", false, ["d+ 0o=a2 2i=c2", "z+ 0i=q1", "d+ 0o=a1"]],
  ] as const) {
    it(`are told as before where it fails because another instance refuses, ${how}`, async () => {
      const { backend, calls, rig } = told(disconnects);
      await rig.router.start();
      calls.splice(0);
      backend.at("z connects", () => [{ channel: 0, problem: "taken" }]);
      await assert.rejects(rig.reload(config(2, "d.a > d.c", "d.a > z.q")), { code: "CONFIG" });
      assert.deepEqual(calls.splice(0), expected);
      await rig.router.reload().catch(() => {});
      await rig.reload(config(1, "d.a > d.b"));
      assert.deepEqual(calls.splice(0).at(-1), expected.at(-1), "the same again, and nothing more");
    });
  }

  it("may throw in disconnect(), which is warned of", async () => {
    const { backend, rig } = told(true);
    await rig.router.start();
    backend.at("disconnects", () => assert.fail("no"));
    await rig.reload(config(1, "d.a > d.c"));
    assert.equal(rig.log.matching(/warning: instance 'd' threw in disconnect\(\): no/).length, 1);
  });
});
