import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { Waiting } from "./waiting.js";

/** An OSC program, reduced to a UDP socket on 127.0.0.1. */
export class OscPeer {
  readonly received: string[] = [];
  readonly #socket: Socket;
  readonly #waiting = new Waiting();
  /** The last sender. */
  from: RemoteInfo | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (data, from) => {
      this.received.push(data.toString("hex"));
      this.from = from;
      this.#waiting.changed();
    });
  }

  static async open(): Promise<OscPeer> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new OscPeer(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  send(data: Uint8Array | string, port: number): void {
    this.#socket.send(typeof data === "string" ? bytes(data) : data, port, "127.0.0.1");
  }

  /** Resolves once so many datagrams have arrived, with all that have, in hexadecimal. */
  until(count: number): Promise<string[]> {
    return this.#waiting.until(() => (this.received.length >= count ? this.received : undefined));
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(resolve));
  }
}

/** Of hexadecimal digits, between which there may be spaces. */
export function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

/** A message with one double. */
export function double(path: string, value: number): Buffer {
  const text = (content: string) => Buffer.concat([Buffer.from(content), Buffer.alloc(4 - (content.length % 4))]);
  const data = Buffer.alloc(8);
  data.writeDoubleBE(value);
  return Buffer.concat([text(path), text(",d"), data]);
}

/** Its path and its double; from hexadecimal digits. */
export function readDouble(hex: string): [path: string, value: number] {
  const data = bytes(hex);
  return [data.toString("latin1", 0, data.indexOf(0)), data.readDoubleBE(data.length - 8)];
}
