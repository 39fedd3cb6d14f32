// The other side of lib/cli/service-manager.ts: a socket as systemd has it, and what arrives there.
import path from "node:path";
import { folderWith, type Running, run } from "./helpers.js";

/** Node has no such sockets, Python has. A line for each message: who sent it, as the kernel says, and what. */
const RECEIVER = `
import json, select, socket, struct, sys
name = sys.argv[1]
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
manager.bind("\\0" + name[1:] if name.startswith("@") else name)
print("bound", flush=True)
while True:
    readable, _, _ = select.select([manager, sys.stdin], [], [])
    if manager in readable:
        text, ancillary, _, _ = manager.recvmsg(4096, socket.CMSG_SPACE(12))
        pid, _, _ = struct.unpack("3i", ancillary[0][2])
        print(json.dumps([pid, text.decode()]), flush=True)
    elif sys.stdin.buffer.read(1) == b"":
        break
`;

let sockets = 0;

export class Manager {
  private constructor(
    readonly socket: string,
    readonly running: Running,
  ) {}

  /** @param socket a path, or an abstract name with a leading `@` */
  static async start(socket = path.join(folderWith({}), "notify")): Promise<Manager> {
    const running = run("python3", ["-c", RECEIVER, socket]);
    await running.sees(/^bound\n/);
    return new Manager(socket, running);
  }

  static abstractName(): string {
    return `@mmpy-test-${process.pid}-${++sockets}`;
  }

  /** Everything that was sent before. */
  async messages(): Promise<[pid: number, text: string][]> {
    this.running.child.stdin?.end();
    await this.running.exited;
    const lines = this.running.stdout.trim().split("\n").slice(1);
    return lines.map((line) => JSON.parse(line) as [number, string]);
  }

  /** Likewise, only the texts. */
  async texts(): Promise<string[]> {
    return (await this.messages()).map(([, text]) => text);
  }
}

/** Modules under test `from mark import mark`: it puts a message of theirs between those of mmpy. Needs MARKS, a socket. */
export const MARK = `
import os, socket
def mark(text):
    name = os.environ["MARKS"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(text.encode(), "\\0" + name[1:] if name.startswith("@") else name)
`;
