// Two programs joined by a broker that is killed while they send as fast as they can.
import assert from "node:assert/strict";
import { Broker, endBrokers, needMosquitto } from "./mosquitto.js";
import { type Session, start } from "./session.js";

const CHANNELS = 40;
const names = Array.from({ length: CHANNELS }, (_, i) => `c/${i}`);

/** Sends through `m` what the probe emits on `out/…`, and has what comes from the other side arrive on `in/…`. */
function side(broker: Broker, mine: string, other: string, lines: readonly string[]): Promise<Session> {
  const mappings = names.flatMap((name) => [
    `probe.out/${name} > m.${mine}/${name}`,
    `m.${other}/${name} > probe.in/${name}`,
  ]);
  return start(["[mqtt m]", `host = 127.0.0.1:${broker.port}`, ...lines, "[map]", ...mappings, ""].join("\n"));
}

/** Resolves once all last values that one side has sent are those that the other side got last. */
async function agree(sent: ReadonlyMap<string, number>, to: Session): Promise<void> {
  for (const [name, value] of sent) {
    for (let count = 1; ; count++) {
      const values = await to.probe.until(`in/${name}`, count);
      if (Math.abs((values.at(-1) ?? Number.NaN) - value) < 1e-6) break;
      count = values.length;
    }
  }
}

describe("two programs joined by an mqtt broker", () => {
  before(function () {
    needMosquitto(this);
  });
  afterEach(endBrokers);

  for (const lines of [[], ["protocol = 3.1.1", "retain = on"], ["qos = 1", "retain = on"]]) {
    const how = lines.length === 0 ? "by default" : `with ${lines.join(" and ")}`;
    it(`agree on every last value after it was killed under load, ${how}`, async () => {
      const broker = await Broker.start();
      const [a, b] = [await side(broker, "a", "b", lines), await side(broker, "b", "a", lines)];
      await broker.subscribed("MM-m", 2);
      const sent = [new Map<string, number>(), new Map<string, number>()];
      let step = 0;
      const load = setInterval(() => {
        for (const [i, session] of [a, b].entries()) {
          for (const name of names) {
            const value = (++step % 100_000) / 100_000;
            session.probe.emit(`out/${name}`, value);
            sent[i]?.set(name, value);
          }
        }
      }, 1);
      try {
        for (const session of [a, b]) await session.probe.until("in/c/0", 50);
        await broker.kill();
        for (const session of [a, b]) await session.log.seen(/the connection to .* has ended/);
      } finally {
        clearInterval(load);
      }
      await broker.start();
      for (const session of [a, b]) await session.log.seen(/connected to .* again$/);
      await agree(sent[0] ?? new Map(), b);
      await agree(sent[1] ?? new Map(), a);
      for (const session of [a, b]) assert.equal(session.log.matching(/has ended/).length, 1);
    });
  }
});
