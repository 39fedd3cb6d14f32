// The options and channels of mqtt instances: what is accepted, what is an error or a warning and where, and what is not shown.
import assert from "node:assert/strict";
import path from "node:path";
import { parseBroker, withoutPassword } from "../lib/backends/mqtt/broker.js";
import { showEndpoint } from "../lib/backends/shared/hosts.js";
import { folderWith, mmpy, projectFolder, unhurried } from "./helpers.js";

describe("an mqtt broker's address", () => {
  const valid: [text: string, name: string, more?: { tls?: boolean; user?: string; password?: string }][] = [
    ["broker", "broker:1883"],
    ["10.0.0.2:1884", "10.0.0.2:1884"],
    ["mqtt://broker", "broker:1883"],
    ["mqtt://broker:1/", "broker:1"],
    ["MQTT://broker", "broker:1883"],
    ["mqtts://broker", "broker:8883", { tls: true }],
    ["mqtts://broker:1883", "broker:1883", { tls: true }],
    ["broker:secure-mqtt", "broker:8883"],
    ["::1", "[::1]:1883"],
    ["[::1]", "[::1]:1883"],
    ["mqtt://[fe80::1%eth0]:9", "[fe80::1%eth0]:9"],
    ["me@broker", "broker:1883", { user: "me" }],
    ["me:secret@broker:2", "broker:2", { user: "me", password: "secret" }],
    ["mqtts://me:@[::1]:3", "[::1]:3", { tls: true, user: "me", password: "" }],
    ["mqtt://:secret@broker", "broker:1883", { user: "", password: "secret" }],
    ["mqtt://me:p@ss:w%40rd@broker", "broker:1883", { user: "me", password: "p@ss:w%40rd" }],
  ];
  for (const [text, name, { tls = false, ...credentials } = {}] of valid) {
    it(`'${text}' is ${name}`, () => {
      const parsed = parseBroker(text);
      assert.ok(parsed.problem === undefined, JSON.stringify(parsed));
      const { host: _host, port: _port, ...rest } = parsed.value;
      assert.deepEqual([showEndpoint(parsed.value), rest], [name, { tls, ...credentials }]);
    });
  }

  const wrong: [text: string, problem: string][] = [
    ["ws://broker", "begins with mqtt:// or mqtts://, or with the host, not with 'ws://'"],
    ["mqtt://", "needs a host"],
    ["mqtt://me:secret@", "needs a host"],
    ["broker 1883", "needs a host and a port, not 'broker 1883'"],
    ["broker/topic", "needs a host and a port, not 'broker/topic'"],
    ["[::1", "needs a host and a port, not '[::1'"],
    ["[broker]:1", "needs a host and a port, not '[broker]:1'"],
    ["1:2:3", "needs a host and a port, not '1:2:3'"],
    ["broker:0", "needs a port from 1 to 65535, not '0'"],
    ["broker:65536", "needs a port from 1 to 65535, not '65536'"],
    ["broker:", "needs a port from 1 to 65535, not ''"],
    ["mqtt://me:secret@broker:port", "needs a port from 1 to 65535, not 'port'"],
  ];
  for (const [text, problem] of wrong) {
    it(`'${text}' is wrong`, () => {
      assert.equal(parseBroker(text).problem, problem);
    });
  }

  it("is shown without its password", () => {
    const cases = ["broker", "me@broker", "mqtt://me:secret@broker", "mqtt://me:p@ss:w@broker:1", "me:@broker"];
    assert.deepEqual(cases.map(withoutPassword), [
      "broker",
      "me@broker",
      "mqtt://me:******@broker",
      "mqtt://me:******@broker:1",
      "me:@broker",
    ]);
  });
});

async function check(config: string, files: Record<string, string> = {}, more: readonly string[] = []) {
  const folder = folderWith({ "monster.cfg": config, ...files });
  const running = mmpy(["check", ...more], { cwd: folder });
  const { code } = await running.exited;
  return { code, stdout: running.stdout, stderr: unhurried(running.stderr).replaceAll(`${folder}/`, "") };
}

const instance = (...lines: string[]) =>
  `[mqtt m]\nhost = broker\n${lines.join("\n")}\n[loopback l]\n[map]\nl.a > m.t\n`;

describe("an mqtt instance", () => {
  const errors: [what: string, config: string, expected: RegExp][] = [
    [
      "without a broker",
      "[mqtt m]\n[loopback l]\n[map]\nl.a > m.t\n",
      /^monster\.cfg:1:7: error: .* needs the option 'host'$/m,
    ],
    [
      "with options of the backend that are not there",
      "[backend mqtt]\nx = 1\n[loopback l]\n",
      /^monster\.cfg:2:1: error: .* has no option 'x'/m,
    ],
    [
      "with a range of one number",
      instance("t = range 1"),
      /^monster\.cfg:3:5: error: 't' needs two numbers after 'range'$/m,
    ],
    [
      "with a range of three numbers",
      instance("t = range 1 2 3"),
      /^monster\.cfg:3:15: error: 't' has more than two numbers after 'range': '3'$/m,
    ],
    [
      "with a range of words",
      instance("t = range 1 two"),
      /^monster\.cfg:3:13: error: 't' needs a number, not 'two'$/m,
    ],
    [
      "with a range without an end",
      instance("t = range 0 inf"),
      /^monster\.cfg:3:13: error: 't' needs a number, not 'inf'$/m,
    ],
    [
      "with a text without numbers",
      instance("t = discrete on"),
      /^monster\.cfg:3:5: error: 't' needs two numbers and a text after 'discrete'$/m,
    ],
    [
      "with a text between words",
      instance("t = discrete !0 !1x on"),
      /^monster\.cfg:3:18: error: 't' needs a number, not '1x'$/m,
    ],
    [
      "with a text from high to low",
      instance("t = discrete 1 0 on"),
      /^monster\.cfg:3:5: error: 't' begins with the lower number: 0 is lower than 1$/m,
    ],
    [
      "with two ranges of a topic",
      instance("t = range 0 1", "t = range 0 2"),
      /^monster\.cfg:4:5: error: topic 't' can have only one range$/m,
    ],
    [
      "with a range and a text of a topic",
      instance("t = discrete 0 1 x", "t = range 0 2"),
      /^monster\.cfg:4:5: error: topic 't' can't have both a range and texts$/m,
    ],
    [
      "with a format of several topics",
      instance("t/# = range 0 1"),
      /^monster\.cfg:3:1: error: 't\/#' is not a topic: a topic can't contain '#'/m,
    ],
    [
      "with something else for a topic",
      instance("t = linear 0 1"),
      /^monster\.cfg:3:5: error: 't' is range MIN MAX or discrete \[!\]MIN \[!\]MAX TEXT, not 'linear 0 1'$/m,
    ],
    [
      "with a port of its own",
      instance("port = 1883"),
      /^monster\.cfg:3:1: error: 'port' is not an option\n.*\n.*\n +=[ ]the port follows the host, as in: host = /m,
    ],
    [
      "with a misspelt option",
      instance("pasword = x"),
      /^monster\.cfg:3:1: error: 'pasword' is not an option\n.*\n.*\n +$|did you mean 'password'\?/m,
    ],
    [
      "with a topic that is called as an option",
      instance("status = range 0 1"),
      /^monster\.cfg:3:10: error: 'status' is an option, and can't be a topic that has a format$/m,
    ],
    [
      "with a certificate without its key",
      instance("cert = monster.cfg"),
      /^monster\.cfg:3:8: error: 'cert' needs 'key' too$/m,
    ],
    [
      "with certificates that are not there",
      instance("ca = ca.crt"),
      /^monster\.cfg:3:6: error: 'ca' names a file that does not exist/m,
    ],
    ["with an empty clientid", instance("clientid ="), /^monster\.cfg:3:1: error: 'clientid' needs a value$/m],
    ["with another quality of service", instance("qos = 3"), /^monster\.cfg:3:7: error: 'qos' is 0 to 2, not 3$/m],
    [
      "with a channel of several topics",
      "[mqtt m]\nhost = b\n[loopback l]\n[map]\nl.a < m.t/+\n",
      /^monster\.cfg:5:9: error: .*a topic can't contain '\+'/m,
    ],
    [
      "with a file that is no certificate",
      "[mqtt m]\nhost = mqtts://b\nca = monster.cfg\n[loopback l]\n[map]\nl.a > m.t\n",
      /^monster\.cfg:3:6: error: 'ca' is not a file of certificates in PEM form$/m,
    ],
  ];
  for (const [what, config, expected] of errors) {
    it(`${what} is an error at its place`, async () => {
      const { code, stderr } = await check(config);
      assert.match(stderr, expected);
      assert.equal(code, 1);
    });
  }

  const warnings: [what: string, line: string, expected: RegExp][] = [
    ["another version", "protocol = 4", /monster\.cfg:3:12: warning: 'protocol' is 5 or 3\.1\.1, not '4': 5 is used$/m],
    [
      "certificates without encryption",
      "ca = monster.cfg",
      /monster\.cfg:3:6: warning: 'ca' has no effect, since the connection is not encrypted$/m,
    ],
    [
      "values without a text",
      "t = discrete 0 0.5",
      /monster\.cfg:3:5: warning: 't' has no text after the two numbers: for values from 0 to 0\.5 nothing is sent$/m,
    ],
  ];
  for (const [what, line, expected] of warnings) {
    it(`with ${what} is warned of`, async () => {
      const { code, stderr } = await check(instance(line));
      assert.match(stderr, expected);
      assert.equal(code, 0, stderr);
    });
  }

  it("may have anything that MIDIMonster takes", async () => {
    const lines = [
      "user = me",
      "clientid = MM-main",
      "protocol = 3.1.1",
      "/a/b = range -10 10",
      "x y = discrete !0.0 0.5 off",
      "x y =  discrete 0.5 ! 1.0  on air",
    ];
    const { code, stderr } = await check(instance(...lines));
    assert.deepEqual([code, stderr], [0, ""]);
  });

  it("of the example is right", async () => {
    const { code, stderr } = await check(`[include ${path.join(projectFolder, "python", "examples", "mqtt.cfg")}]\n`);
    assert.deepEqual([code, stderr.replace(/^.*INFO: .*\n/gm, "")], [0, ""]);
  });

  it("shows its passwords nowhere", async () => {
    const config = "[mqtt m]\nhost = mqtt://me:hidden@broker:x\npassword = secret\n[loopback l]\n[map]\nl.a > m.t\n";
    const wrong = await check(config);
    assert.match(wrong.stderr, /^ +2 \| host = mqtt:\/\/me:\*{6}@broker:x\n +\| +\^$/m);
    const right = await check(config.replace(":x", ""));
    assert.match(right.stdout, /host = mqtt:\/\/me:\*{6}@broker, password = \*{6}/);
    const misspelt = await check(config.replace("password", "pasword"));
    assert.match(misspelt.stderr, /^ +3 \| pasword = \*{6}$/m);
    const overridden = await check(config.replace(":x", ""), {}, ["-i", "m.pasword=secret"]);
    assert.match(overridden.stderr, /\| -i m\.pasword=\*{6}$/m);
    for (const { stdout, stderr } of [misspelt, overridden]) assert.doesNotMatch(stderr + stdout, /hidden|secret/);
    assert.doesNotMatch(wrong.stderr + wrong.stdout + right.stderr + right.stdout, /hidden|secret/);
  });
});
