// Who may use a page: rules for headers, tokens, numbers a second.
import assert from "node:assert/strict";
import { hostname } from "node:os";
import path from "node:path";
import { readTokens } from "../lib/backends/web/token-files.js";
import { type Access, protectiveHeaders, refusalOf } from "../lib/web/access.js";
import { Changes } from "../lib/web/changes.js";
import { Allowance } from "../lib/web/limits.js";
import { bearerOf, newToken, Tokens, WrongTokens } from "../lib/web/tokens.js";
import { folderWith } from "./helpers.js";

const access: Access = {
  hosts: ["lights.example"],
  origins: ["https://lights.example", "http://10.0.0.9:3000"],
  section: "[web panel]",
  tokens: new Tokens({ control: "a-token-of-some-length" }),
};

describe("a request to a page", () => {
  const own = hostname();
  type Row = [host: string | undefined, origin: string | undefined, status: number | undefined];
  const rows: Row[] = [
    ["127.0.0.1:8080", undefined, undefined],
    ["[::1]:8080", undefined, undefined],
    ["[fe80::1]", undefined, undefined],
    ["192.168.1.20", undefined, undefined],
    ["localhost:8080", undefined, undefined],
    ["LOCALHOST:8080", undefined, undefined],
    [`${own}:8080`, undefined, undefined],
    [`${own.split(".")[0]}.local`, undefined, undefined],
    ["lights.example", undefined, undefined],
    ["Lights.Example:443", undefined, undefined],
    // A foreign name that points here.
    ["rebound.example:8080", undefined, 421],
    ["rebound.example:8080", "http://rebound.example:8080", 421],
    ["127.0.0.1.rebound.example", undefined, 421],
    ["localhost.", undefined, 421],
    ["xlights.example", undefined, 421],
    [undefined, undefined, 400],
    ["", undefined, 400],
    ["127.0.0.1:8080, lights.example", undefined, 400],
    ["user@127.0.0.1", undefined, 400],
    ["127.0.0.1/x", undefined, 400],
    ["127.0.0.1:", undefined, 400],
    ["[::1", undefined, 400],
    // Its own page.
    ["127.0.0.1:8080", "http://127.0.0.1:8080", undefined],
    ["[::1]:8080", "http://[::1]:8080", undefined],
    ["lights.example", "http://lights.example", undefined],
    ["lights.example:80", "http://lights.example", undefined],
    ["LOCALHOST:8080", "http://localhost:8080", undefined],
    // Listed ones.
    ["lights.example", "https://lights.example", undefined],
    ["127.0.0.1:8080", "http://10.0.0.9:3000", undefined],
    // Others.
    ["127.0.0.1:8080", "http://127.0.0.1:3000", 403],
    ["127.0.0.1:8080", "http://127.0.0.1", 403],
    ["127.0.0.1:8080", "https://127.0.0.1:8080", 403],
    ["127.0.0.1:8080", "http://localhost:8080", 403],
    ["127.0.0.1:8080", "http://evil.example", 403],
    ["127.0.0.1:8080", "null", 403],
    ["127.0.0.1:8080", "", 403],
    ["127.0.0.1:8080", "http://10.0.0.9", 403],
    ["127.0.0.1:8080", "https://lights.example.evil.example", 403],
    ["127.0.0.1:8080", "file://", 403],
  ];
  for (const [host, origin, status] of rows) {
    const from = origin === undefined ? "" : ` from a page of '${origin}'`;
    it(`to '${host}'${from} is ${status === undefined ? "allowed" : `refused with ${status}`}`, () => {
      assert.equal(refusalOf({ host, origin, forwarded: false }, access)?.status, status);
    });
  }

  it("to an unknown name is told which line to write", () => {
    const refused = refusalOf({ host: "desk.example:80", forwarded: false }, access);
    assert.match(refused?.message ?? "", /write hosts = desk\.example in \[web panel\]/);
  });

  it("through a proxy needs a token", () => {
    const head = { host: "127.0.0.1", forwarded: true };
    assert.equal(refusalOf(head, { ...access, tokens: undefined })?.status, 403);
    assert.equal(refusalOf(head, access), undefined);
  });

  it("is answered with a policy that allows no other source and no frame", () => {
    const policy = protectiveHeaders(undefined)["Content-Security-Policy"] ?? "";
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    const framed = protectiveHeaders("https://dash.example")["Content-Security-Policy"] ?? "";
    assert.match(framed, /frame-ancestors https:\/\/dash\.example$/);
  });
});

describe("tokens", () => {
  it("give the role of the one that is shown, and none otherwise", () => {
    const [control, view] = [newToken(), newToken()];
    const tokens = new Tokens({ control, view });
    const shown = [control, view, "", newToken(), control.slice(1), `${control}x`, control.toUpperCase()];
    assert.deepEqual(
      shown.map((token) => tokens.roleOf(token)),
      ["control", "view", undefined, undefined, undefined, undefined, undefined],
    );
  });

  it("have 256 random bits", () => {
    assert.equal(Buffer.from(newToken(), "base64url").length, 32);
    assert.notEqual(newToken(), newToken());
  });

  const headers: [string | undefined, string | undefined][] = [
    ["Bearer abc", "abc"],
    ["bearer abc", "abc"],
    ["Basic abc", undefined],
    ["Bearer", undefined],
    ["Bearer a b", undefined],
    [undefined, undefined],
  ];
  for (const [header, token] of headers) {
    it(`are read from the header '${header}'`, () => assert.equal(bearerOf(header), token));
  }

  it("are refused for a minute after ten wrong ones from an address", () => {
    const wrong = new WrongTokens();
    for (let i = 0; i < 9; ++i) wrong.add("10.0.0.1", i);
    assert.equal(wrong.blocks("10.0.0.1", 100), false);
    wrong.add("10.0.0.1", 100);
    assert.deepEqual(
      [wrong.blocks("10.0.0.1", 200), wrong.blocks("10.0.0.2", 200), wrong.blocks("10.0.0.1", 60_001)],
      [true, false, false],
    );
  });

  it("that are wrong take no memory for each of a million addresses", () => {
    const wrong = new WrongTokens();
    for (let i = 0; i < 10; ++i) wrong.add("first", 0);
    for (let i = 0; i < 5000; ++i) wrong.add(`10.${i}`, 0);
    assert.equal(wrong.blocks("first", 1), false);
  });
});

describe("an allowance", () => {
  it("gives what is allowed a second at once, and then as time passes", () => {
    const allowance = new Allowance(200, 0);
    assert.deepEqual([allowance.take(200, 0), allowance.take(1, 0), allowance.take(1, 4)], [true, false, false]);
    assert.deepEqual([allowance.take(1, 5), allowance.take(1, 5), allowance.take(200, 10_000)], [true, false, true]);
  });
});

describe("changes of channels that a client has not been told of", () => {
  it("are each told once, in ascending order", () => {
    const changes = new Changes();
    const ids = [5, 0, 31, 32, 10_000, 63, 5, 64];
    for (const id of ids) changes.add(id);
    const seen: number[] = [];
    const take = () => changes.take((id) => seen.push(id));
    assert.equal(changes.count, 7);
    take();
    take();
    assert.deepEqual(seen, [0, 5, 31, 32, 63, 64, 10_000]);
    assert.equal(changes.count, 0);
  });
});

describe("a file for a token that can't be made", () => {
  const folder = folderWith({ "a-file": "" });
  const file = path.join(folder, "a-file", "mmpy-token");
  const cases: [by: string, options: Record<string, string>, env: Record<string, string>][] = [
    ["of an option", { "token-file": file }, {}],
    ["of the service", {}, { STATE_DIRECTORY: path.dirname(file) }],
  ];
  for (const [by, options, env] of cases) {
    it(`is named, with the option for another one: ${by}`, () => {
      assert.throws(
        () => readTokens(options as unknown as Parameters<typeof readTokens>[0], true, env),
        ({ message }: Error) =>
          message.startsWith(`'token-file' has to be a file that can be read or made, not ${file}: `),
      );
    });
  }
});
