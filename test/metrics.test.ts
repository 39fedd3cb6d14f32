// What Prometheus reads.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { endWatched, watch } from "./monitor-target.js";
import { ask } from "./web-peer.js";

const CONFIG = `
[python py]
module = mod
[map]
probe.go > py.mod.go
probe.{d,r} > dedup > py.mod.{d,r}
py.out > probe.out
`;
const MODULE = `
import time
def go(value):
    midimonster.output("out", value)
    if value == 0.25: raise ValueError("no quarters")
def d(value):
    end = time.perf_counter() + 0.02
    while time.perf_counter() < end: pass
def r(value): pass
def tick():
    midimonster.interval(tick, 0)
    raise KeyError("tick")
midimonster.interval(tick, 10)
`;

/** The value of a metric, written with its labels. */
function value(text: string, metric: string): number | undefined {
  const line = text.split("\n").find((each) => each.startsWith(`${metric} `));
  return line === undefined ? undefined : Number(line.slice(metric.length + 1));
}

describe("metrics", () => {
  afterEach(endWatched);

  it("count events, exceptions and what filters drop, and measure the time in Python once they are asked for", async () => {
    const { session, url } = await watch(CONFIG, { "mod.py": MODULE });
    const scrape = async () => (await ask(`${url}/metrics`)).text;
    const first = await scrape();
    assert.equal(value(first, 'mmpy_python_seconds_total{instance="py"}'), 0);
    for (const go of [0.25, 0.5]) session.probe.emit("go", go);
    for (const d of [0.5, 0.5, 0.5, 1]) session.probe.emit("d", d);
    await session.probe.until("out", 2);
    await session.log.seen(/tick/);
    await session.log.seen(/no quarters/);
    const text = await scrape();
    const expected: Record<string, number> = {
      'mmpy_events_total{instance="py",direction="in"}': 4,
      'mmpy_events_total{instance="py",direction="out"}': 2,
      'mmpy_events_total{instance="probe",direction="in"}': 2,
      'mmpy_events_total{instance="probe",direction="out"}': 6,
      'mmpy_events_lost_total{instance="py"}': 0,
      'mmpy_queue_events{instance="py"}': 0,
      'mmpy_exceptions_total{instance="py",kind="handler"}': 1,
      'mmpy_exceptions_total{instance="py",kind="interval"}': 1,
      'mmpy_exceptions_total{instance="py",kind="socket"}': 0,
      'mmpy_filter_dropped_events_total{filter="dedup"}': 2,
      'mmpy_filter_dropped_events_total{filter="press"}': 0,
      mmpy_last_reload_successful: 1,
      'mmpy_web_clients{page="monitor"}': 0,
    };
    for (const [metric, wanted] of Object.entries(expected)) assert.equal(value(text, metric), wanted, metric);
    const seconds = value(text, 'mmpy_python_seconds_total{instance="py"}') ?? 0;
    assert.ok(seconds >= 0.04 && seconds < 60, String(seconds));
    const turns = value(text, "mmpy_loop_delay_seconds_count") ?? 0;
    assert.ok(turns > 0);
    assert.equal(value(text, 'mmpy_loop_delay_seconds_bucket{le="+Inf"}'), turns);
    assert.ok((value(text, 'mmpy_loop_delay_seconds_bucket{le="0.01"}') ?? 0) < turns, "two calls took 20 ms");
    assert.match(text, /^mmpy_build_info\{version="1\.2\.3",node="[\d.]+",python="3\.\d+\.\S+"\} 1$/m);
  });

  it("count events and exceptions of an instance in a process of its own", async () => {
    const config = CONFIG.replace("module", "own-process = on\nmodule");
    const { session, url } = await watch(config, { "mod.py": MODULE });
    for (const go of [0.25, 0.5]) session.probe.emit("go", go);
    await session.probe.until("out", 2);
    await session.log.seen(/tick/);
    await session.log.seen(/no quarters/);
    const { text } = await ask(`${url}/metrics`);
    const expected: Record<string, number> = {
      'mmpy_events_total{instance="py",direction="in"}': 2,
      'mmpy_events_total{instance="py",direction="out"}': 2,
      'mmpy_exceptions_total{instance="py",kind="handler"}': 1,
      'mmpy_exceptions_total{instance="py",kind="interval"}': 1,
      'mmpy_exceptions_total{instance="py",kind="socket"}': 0,
    };
    for (const [metric, wanted] of Object.entries(expected)) assert.equal(value(text, metric), wanted, metric);
  });

  it("tell of reloads", async () => {
    const { session, url } = await watch("[loopback bus]\n[map]\nprobe.a > bus.a");
    await session.router.reload();
    session.write("monster.cfg", "[nothing here]\n");
    await assert.rejects(session.router.reload());
    const { text } = await ask(`${url}/metrics`);
    assert.equal(value(text, 'mmpy_reloads_total{result="success"}'), 1);
    assert.equal(value(text, 'mmpy_reloads_total{result="failure"}'), 1);
    assert.equal(value(text, "mmpy_last_reload_successful"), 0);
  });

  it("escape names, and have 200 instances at most", async () => {
    const strange = 'a"b\\c';
    const names = [strange, ...Array.from({ length: 210 }, (_, i) => `bus${i}`)];
    const sections = names.map((name) => `[loopback ${name}]`).join("\n");
    const { session, url } = await watch(
      `${sections}\n[map]\nprobe.a > bus209.a\nprobe.a > ${strange}.a\nbus209.a > probe.b`,
    );
    session.probe.emit("a", 1);
    await session.probe.until("b");
    const { text } = await ask(`${url}/metrics`);
    assert.match(text, /mmpy_events_total\{instance="a\\"b\\\\c",direction="in"\} 1\n/);
    const labels = new Set(
      Array.from(text.matchAll(/^mmpy_queue_events\{instance="((?:\\.|[^"\\])*)"\}/gm), ([, name]) => name),
    );
    assert.equal(labels.size, 201);
    assert.equal(value(text, 'mmpy_events_total{instance="other",direction="in"}'), 1);
  });

  it("are what Prometheus' own check accepts", async () => {
    const { url } = await watch(CONFIG, { "mod.py": MODULE });
    const { text, headers } = await ask(`${url}/metrics`);
    assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    const { error, status, stderr, stdout } = spawnSync("promtool", ["check", "metrics"], {
      input: text,
      encoding: "utf8",
    });
    if (error !== undefined) {
      console.log("SKIPPED: what promtool says of metrics: it is not installed (apt-get install prometheus)");
      return;
    }
    assert.equal(status, 0, stdout + stderr);
    assert.equal(stdout + stderr, "");
  });

  it("need no more than looking, and health not even that", async () => {
    const { session, url } = await watch("[loopback bus]\n[map]\nprobe.a > bus.a");
    assert.deepEqual([(await ask(`${url}/healthz`)).status, (await ask(`${url}/healthz`)).text], [200, ""]);
    assert.equal((await ask(`${url}/metrics`, { method: "PUT", body: "1" })).status, 405);
    await session.router.stop();
    assert.equal((await ask(`${url}/healthz`)).status, 503);
    assert.equal((await ask(`${url}/metrics`)).status, 200);
  });
});
