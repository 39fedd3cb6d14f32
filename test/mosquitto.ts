// A broker for tests: mosquitto, on a port of its own; and a client of another make than the backend's use of it.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { connectAsync, type IClientOptions, type IPublishPacket, type MqttClient } from "mqtt";
import { freePort } from "./free-port.js";
import { folderWith } from "./helpers.js";
import { Waiting } from "./waiting.js";

/** Debian has it where only root has it on the PATH. */
const PROGRAM = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].find((file) => existsSync(file)) ?? "mosquitto";

/** Skips a test, loudly, where there is no mosquitto. */
export function needMosquitto(test: Mocha.Context): void {
  if (spawnSync(PROGRAM, ["-h"]).error === undefined) return;
  console.log("SKIPPED: no mosquitto; on Debian: apt-get install mosquitto");
  test.skip();
}

const brokers: Broker[] = [];
const peers: Peer[] = [];

export class Broker {
  output = "";
  readonly #waiting = new Waiting();
  #child: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    readonly folder: string,
  ) {}

  /**
   * Starts one.
   *
   * @param lines of its configuration besides the port, which allow anyone by default
   */
  static async start(lines: readonly string[] = ["allow_anonymous true"], files: Record<string, string> = {}) {
    const broker = await Broker.reserve(lines, files);
    await broker.start();
    return broker;
  }

  /** One that is not running yet. */
  static async reserve(lines: readonly string[] = ["allow_anonymous true"], files: Record<string, string> = {}) {
    const folder = folderWith(files);
    const broker = new Broker(await freePort(), folder);
    const config = [`listener ${broker.port} 127.0.0.1`, "max_topic_alias 10", "user root", ...lines];
    writeFileSync(path.join(folder, "mosquitto.conf"), `${config.join("\n")}\n`);
    brokers.push(broker);
    return broker;
  }

  async start(): Promise<void> {
    const child = spawn(PROGRAM, ["-v", "-c", "mosquitto.conf"], {
      cwd: this.folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.output = "";
    await new Promise<void>((resolve, reject) => {
      const add = (text: Buffer) => {
        this.output += text;
        this.#waiting.changed();
        if (/mosquitto version \S+ running/.test(this.output)) resolve();
      };
      child.stdout.on("data", add);
      child.stderr.on("data", add);
      child.on("exit", () => reject(new Error(`mosquitto has ended:\n${this.output}`)));
    });
  }

  /** Resolves once it has printed so many matches since its start. */
  async sees(pattern: RegExp, count = 1): Promise<void> {
    const matches = () => [...this.output.matchAll(new RegExp(pattern, "g"))].length;
    await this.#waiting.until(() => matches() >= count || undefined);
  }

  /** Resolves once a client of this name has its subscriptions. */
  subscribed(name: string, count = 1): Promise<void> {
    return this.sees(new RegExp(`Sending SUBACK to ${name}`), count);
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    child.kill("SIGCONT");
    await ended;
  }

  /** Has it do nothing, or go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }

  /** A client. It subscribes first, so that it gets all that comes later. */
  async peer(topics: readonly string[] = [], options: IClientOptions = {}): Promise<Peer> {
    const client = await connectAsync(`mqtt://127.0.0.1:${this.port}`, {
      protocolVersion: 5,
      reconnectPeriod: 0,
      ...options,
    });
    const peer = new Peer(client);
    peers.push(peer);
    if (topics.length > 0) await client.subscribeAsync([...topics], { qos: 2, rap: true });
    return peer;
  }
}

interface Message {
  readonly topic: string;
  readonly text: string;
  readonly packet: IPublishPacket;
}

export class Peer {
  readonly messages: Message[] = [];
  readonly #waiting = new Waiting();

  constructor(readonly client: MqttClient) {
    client.on("error", () => {});
    client.on("message", (topic, payload, packet) => {
      this.messages.push({ topic, text: payload.toString("latin1"), packet });
      this.#waiting.changed();
    });
  }

  texts(topic: string): string[] {
    return this.messages.filter((message) => message.topic === topic).map(({ text }) => text);
  }

  /** Resolves once so many messages of a topic have come. */
  until(topic: string, count = 1): Promise<string[]> {
    return this.once(() => (this.texts(topic).length >= count ? this.texts(topic) : undefined));
  }

  /** Resolves once there is an answer, which is asked for at each message. */
  once<T>(answer: () => T | undefined): Promise<T> {
    return this.#waiting.until(answer);
  }

  /** Resolves once the broker has it. */
  send(topic: string, payload: string | Buffer, more: Parameters<MqttClient["publishAsync"]>[2] = {}) {
    return this.client.publishAsync(topic, payload, { qos: 1, ...more });
  }
}

/** Ends all of them. */
export async function endBrokers(): Promise<void> {
  for (const { client } of peers.splice(0)) client.end(true);
  await Promise.all(brokers.splice(0).map((broker) => broker.kill()));
}
