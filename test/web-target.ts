// A site whose server tests attack.
import { connect, type Socket, type SocketConstructorOpts } from "node:net";
import type { Access } from "../lib/web/access.js";
import type { Client, Message } from "../lib/web/client.js";
import { attach, type Site } from "../lib/web/site.js";
import { Tokens } from "../lib/web/tokens.js";
import { MemoryLog } from "./helpers.js";
import { Waiting } from "./waiting.js";
import { endPeers, WebSocketPeer } from "./web-peer.js";

export const CONTROL = "the-token-for-control";
export const VIEW = "the-token-for-viewing";
export const tokens = new Tokens({ control: CONTROL, view: VIEW });

/** A site that keeps what reaches it. */
export class Target {
  readonly handled: Message[] = [];
  readonly clients = new Set<Client>();
  readonly waiting = new Waiting();
  readonly log = new MemoryLog();
  readonly url: string;

  private constructor(readonly site: Site) {
    this.url = `http://127.0.0.1:${site.bound.port}`;
    site.route("/api", {
      GET: { needs: "view", handle: () => ({ status: 200, body: { fine: true } }) },
      PUT: { needs: "control", handle: ({ body }) => ({ status: 200, body: { size: body.length } }) },
    });
    site.route("/broken", {
      GET: {
        needs: "view",
        handle: () => {
          throw new Error("this handler fails");
        },
      },
    });
    site.file("/", "panel.html");
    site.socket("/ws", {
      opened: (client) => {
        this.clients.add(client);
        client.tell({ type: "hello", role: client.role });
        this.waiting.changed();
      },
      message: (_client, message) => {
        this.handled.push(message);
        this.waiting.changed();
      },
      closed: (client) => {
        this.clients.delete(client);
        this.waiting.changed();
      },
    });
  }

  static async open(access: Partial<Access> = {}): Promise<Target> {
    const log = new MemoryLog();
    const site = await attach({
      name: "panel",
      owner: "panel",
      address: { host: "127.0.0.1", port: 0 },
      access: { hosts: [], origins: [], section: "[web panel]", ...access },
      log,
    });
    const target = new Target(site);
    targets.push(target);
    return target;
  }

  peer(options?: ConstructorParameters<typeof WebSocketPeer>[1]): WebSocketPeer {
    return new WebSocketPeer(`${this.url.replace("http", "ws")}/ws`, options);
  }

  get port(): number {
    return this.site.bound.port;
  }
}

const targets: Target[] = [];
const sockets: Socket[] = [];

export function raw(port: number, options: SocketConstructorOpts = {}): Socket {
  const socket = connect({ port, host: "127.0.0.1", ...options });
  socket.on("error", () => {});
  sockets.push(socket);
  return socket;
}

/** All that comes until the end. */
export function ending(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (data) => {
    text += String(data);
  });
  return new Promise((resolve) => socket.on("close", () => resolve(text)));
}

/** Closes everything. */
export async function endTargets(): Promise<void> {
  endPeers();
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const { site } of targets.splice(0)) await site.close("the test ends", false);
}
