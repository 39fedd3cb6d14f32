// Looking up names of hosts: those without an answer leave others their turn.
import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { setImmediate as turn } from "node:timers/promises";
import { Lookups, lookupForSocket } from "../lib/backends/shared/lookups.js";

const FOUND: LookupAddress[] = [{ address: "10.0.0.1", family: 4 }];

/** A system that answers when the test says so. */
class System {
  now = 0;
  readonly asked: string[] = [];
  readonly #answers = new Map<string, { found(all: LookupAddress[]): void; failed(error: Error): void }>();
  readonly lookups = new Lookups(
    (name) =>
      new Promise((found, failed) => {
        this.asked.push(name);
        this.#answers.set(name, { found, failed });
      }),
    () => this.now,
  );

  /** Asks for names; what they are is not looked at. */
  find(...names: string[]): void {
    for (const name of names) this.lookups.find(name, {}).catch(() => {});
  }

  async fail(name: string, after: number): Promise<void> {
    this.now += after;
    this.#answers.get(name)?.failed(new Error("no answer"));
    await turn();
  }

  async answer(name: string): Promise<void> {
    this.#answers.get(name)?.found(FOUND);
    await turn();
  }
}

describe("looking up names", () => {
  it("asks again for those without an answer one at a time, and for all others at once", async () => {
    const system = new System();
    system.find("a", "b", "c");
    assert.deepEqual(system.asked, ["a", "b", "c"]);
    await system.fail("a", 5000);
    await system.fail("b", 0);
    await system.fail("c", 0);
    system.find("a", "b", "other", "c");
    await turn();
    assert.deepEqual(system.asked.splice(0), ["a", "b", "c", "other", "a"]);
    await system.fail("a", 5000);
    assert.deepEqual(system.asked.splice(0), ["b"]);
    await system.answer("b");
    assert.deepEqual(system.asked.splice(0), ["c"]);
    system.find("b");
    assert.deepEqual(system.asked.splice(0), ["b"], "it has been found, so it need not wait any more");
  });

  it("does not make names wait that fail at once, as without a network", async () => {
    const system = new System();
    system.find("a", "b");
    await system.fail("a", 10);
    await system.fail("b", 10);
    system.find("a", "b");
    assert.deepEqual(system.asked, ["a", "b", "a", "b"]);
  });

  it("asks once for a name that several want", async () => {
    const system = new System();
    const both = Promise.all([system.lookups.find("a", {}), system.lookups.find("a", {})]);
    await system.answer("a");
    assert.deepEqual(await both, [FOUND, FOUND]);
    assert.deepEqual(system.asked, ["a"]);
  });

  for (const all of [false, true]) {
    it(`serves sockets that want ${all ? "all addresses" : "one address"}`, async () => {
      const found = await new Promise((resolve, reject) => {
        lookupForSocket("localhost", { all, family: 4 }, (error, ...rest) => (error ? reject(error) : resolve(rest)));
      });
      const expected = all ? [[{ address: "127.0.0.1", family: 4 }]] : ["127.0.0.1", 4];
      assert.deepEqual(found, expected);
    });
  }
});
