// Encrypted connections to an mqtt broker, and certificates that do not fit.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync } from "node:fs";
import path from "node:path";
import { folderWith } from "./helpers.js";
import { Broker, endBrokers, needMosquitto } from "./mosquitto.js";
import { Session } from "./session.js";

/** Makes two authorities, and certificates of the first: for the broker's address, for another host, and for a client. */
function makeCertificates(): string {
  const folder = folderWith({
    "here.ext": "subjectAltName=IP:127.0.0.1,DNS:localhost",
    "elsewhere.ext": "subjectAltName=DNS:elsewhere.example",
    "client.ext": "extendedKeyUsage=clientAuth",
  });
  const openssl = (...args: string[]) => {
    const { status, stderr } = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
    assert.equal(status, 0, stderr);
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  for (const name of ["ca", "otherca"]) {
    openssl(
      "req",
      "-x509",
      ...key,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.crt`,
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
    );
  }
  for (const name of ["here", "elsewhere", "client"]) {
    openssl("req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    const by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"];
    openssl(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      ...by,
      "-out",
      `${name}.crt`,
      "-days",
      "2",
      "-extfile",
      `${name}.ext`,
    );
  }
  return folder;
}

describe("an encrypted connection to an mqtt broker", () => {
  let certificates: string;

  before(function () {
    needMosquitto(this);
    if (spawnSync("openssl", ["version"]).error !== undefined) {
      console.log("SKIPPED: no openssl; on Debian: apt-get install openssl");
      this.skip();
    }
    certificates = makeCertificates();
  });
  afterEach(endBrokers);

  const file = (name: string) => path.join(certificates, name);

  function broker(certificate = "here", ...lines: string[]) {
    const files = [`certfile ${file(`${certificate}.crt`)}`, `keyfile ${file(`${certificate}.key`)}`];
    return Broker.start(["allow_anonymous true", ...files, ...lines]);
  }

  async function start(host: string, lines: readonly string[]): Promise<Session> {
    const config = ["[mqtt m]", `host = ${host}`, ...lines, "[map]", "probe.out > m.both", "m.both > probe.in", ""];
    const session = new Session(config.join("\n"));
    for (const name of ["ca.crt", "client.crt", "client.key"]) cpSync(file(name), path.join(session.folder, name));
    await session.router.start();
    return session;
  }

  for (const host of ["127.0.0.1", "localhost"]) {
    it(`is made to ${host}, with the authority's certificate beside the configuration`, async () => {
      const { port } = await broker();
      const session = await start(`mqtts://${host}:${port}`, ["ca = ca.crt", "protocol = 3.1.1"]);
      await session.log.seen(/^m: connected to /);
      session.probe.emit("out", 0.5);
      assert.deepEqual(await session.probe.until("in"), [0.5]);
    });
  }

  it("carries many values whole and in order", async () => {
    const { port } = await broker();
    const session = await start(`mqtts://127.0.0.1:${port}`, ["ca = ca.crt", "protocol = 3.1.1"]);
    await session.log.seen(/^m: connected to /);
    const values = Array.from({ length: 500 }, (_, i) => i / 1000);
    // A broker keeps a thousand messages for each client.
    for (let turn = 0; turn < 5; turn++) {
      for (const value of values) session.probe.emit("out", value);
      const come = await session.probe.until("in", (turn + 1) * values.length);
      assert.deepEqual(come.slice(turn * values.length), values);
    }
  });

  it("is made with a certificate of the client's own", async () => {
    const { port } = await broker("here", `cafile ${file("ca.crt")}`, "require_certificate true");
    const session = await start(`mqtts://127.0.0.1:${port}`, ["ca = ca.crt", "cert = client.crt", "key = client.key"]);
    await session.log.seen(/^m: connected to /);
  });

  it("is made to a broker with any certificate, if it is told to", async () => {
    const { port } = await broker("elsewhere");
    const session = await start(`mqtts://127.0.0.1:${port}`, ["insecure = on"]);
    await session.log.seen(/^m: connected to /);
  });

  const wrong: [what: string, certificate: string, lines: () => string[], reason: RegExp][] = [
    [
      "has a certificate of an unknown authority",
      "here",
      () => [],
      /signed by an unknown authority; name the certificate of its authority with the option ca \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\)/,
    ],
    [
      "has a certificate of another authority",
      "here",
      () => [`ca = ${file("otherca.crt")}`],
      /signed by an unknown authority; .* \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\)/,
    ],
    [
      "has a certificate for another host",
      "elsewhere",
      () => ["ca = ca.crt"],
      /its certificate is for another host: .*127\.0\.0\.1.*/,
    ],
    [
      "wants a certificate",
      "strict",
      () => ["ca = ca.crt"],
      /it wants a certificate; name one|does it want a certificate\? Then use the options cert and key/,
    ],
  ];
  for (const [what, certificate, lines, reason] of wrong) {
    it(`to a broker that ${what} is not made, and the log says why, once`, async () => {
      const strict = certificate === "strict";
      const { port } = await (strict
        ? broker("here", `cafile ${file("ca.crt")}`, "require_certificate true")
        : broker(certificate));
      const session = await start(`mqtts://127.0.0.1:${port}`, lines());
      const { level, message } = await session.log.seen(/no connection to/);
      assert.equal(level, "warn");
      assert.match(message, reason);
      assert.deepEqual(session.log.matching(/connected/), []);
    });
  }

  it("to a broker without encryption is not made, and the log says how it would be", async () => {
    const { port } = await Broker.start();
    const session = await start(`mqtts://127.0.0.1:${port}`, []);
    const { message } = await session.log.seen(/no connection to/);
    assert.match(message, /it does not seem to speak TLS: for a connection without encryption write host = mqtt:\/\//);
  });

  it("is needed by a broker that has only that, and the log says so", async () => {
    const { port } = await broker();
    const session = await start(`127.0.0.1:${port}`, []);
    const { message } = await session.log.seen(/no connection to/);
    assert.match(message, /does it expect encryption\? Then write host = mqtts:\/\//);
  });
});
