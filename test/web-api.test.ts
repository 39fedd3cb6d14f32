// The examples of docs/web-api.md, run as they stand there.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterEach } from "mocha";
import { freePort } from "./free-port.js";
import { projectFolder, run } from "./helpers.js";
import { start, stopSessions } from "./session.js";
import { endPeers, type Received, WebSocketPeer } from "./web-peer.js";

const page = readFileSync(path.join(projectFolder, "docs", "web-api.md"), "utf8");

function block(name: string): string {
  const found = new RegExp(`<!-- web-api: ${name} -->\\n\`\`\`\\w+\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(page)?.[1];
  assert.ok(found !== undefined, `docs/web-api.md has no block '${name}'`);
  return found;
}

async function started(): Promise<number> {
  const port = await freePort();
  await start(block("configuration").replace("127.0.0.1 8080", `127.0.0.1 ${port}`));
  return port;
}

describe("docs/web-api.md", () => {
  afterEach(async () => {
    endPeers();
    await stopSessions();
  });

  it("shows what requests are answered", async function () {
    if (spawnSync("curl", ["--version"]).status !== 0) {
      console.log("SKIPPED: curl is not installed (apt-get install curl)");
      this.skip();
    }
    const port = await started();
    const commands = block("http").split(/^\$ /m).slice(1);
    for (const text of commands) {
      const [command = "", ...shown] = text.trimEnd().split("\n");
      const running = run("sh", ["-c", command.replaceAll("127.0.0.1:8080", `127.0.0.1:${port}`)]);
      await running.exited;
      assert.equal(running.stdout.trimEnd(), shown.join("\n"), command);
    }
    assert.ok(commands.length >= 8);
  });

  it("shows what is said by WebSocket, in this order", async () => {
    const port = await started();
    const peer = new WebSocketPeer(`ws://127.0.0.1:${port}/ws`);
    const { version } = JSON.parse(readFileSync(path.join(projectFolder, "package.json"), "utf8"));
    let next = 0;
    const lines = block("websocket").trimEnd().split("\n");
    for (const line of lines) {
      const message = JSON.parse(line.slice(2));
      if (line.startsWith("> ")) {
        peer.send(message);
        continue;
      }
      const at = next++;
      const found = await peer.until(message.type, (each) => peer.received.indexOf(each) >= at);
      assert.equal(peer.received.indexOf(found), at, `${line}\nis not what came: ${JSON.stringify(peer.received[at])}`);
      assert.deepEqual(withoutIdentity(found), withoutIdentity(message));
      if (message.type === "hello") assert.equal(message.server, `mmpy ${version}`);
    }
    assert.ok(lines.length >= 15);
  });
});

/** Without what is another one each time. */
function withoutIdentity({ session, client, ...rest }: Received): object {
  return { ...rest, ...(session !== undefined && { session: typeof session, client: typeof client }) };
}
