import { messageOf } from "../../errors.js";
import type { Logger } from "../../log/log.js";
import type { InstanceStatus } from "../instance.js";
import type { Values } from "../options.js";
import { showEndpoint } from "../shared/hosts.js";
import { Reconnect } from "../shared/reconnect.js";
import { type Client, Connection, type Listener, type Settings } from "./connection.js";
import type { instanceOptions } from "./index.js";
import { Intake } from "./intake.js";
import { CertificateProblem, prepareSocket } from "./socket.js";
import { Splitter } from "./splitter.js";
import { Telling } from "./telling.js";
import type { TopicTable } from "./topic-table.js";

type Options = Values<typeof instanceOptions>;

export interface LinkListener<T extends { readonly topic: string }> extends Omit<Listener<T>, "connected" | "ended"> {
  /** @param again whether there was a connection before */
  connected(connection: Connection<T>, again: boolean): void;
  lost(): void;
}

/** The connection of an instance to its broker, which is made again whenever it ends. */
export class Link<T extends { readonly topic: string }> {
  readonly peer: string;
  readonly #options: Options;
  readonly #name: string;
  readonly #log: Logger;
  readonly #topics: TopicTable<T>;
  readonly #listener: LinkListener<T>;
  readonly #telling: Telling;
  readonly #reconnect = new Reconnect(() => void this.#attempt());
  #settings: Settings;
  #client: Client | undefined;
  #current: Connection<T> | undefined;
  #connected = false;
  #wasConnected = false;
  #reason: string | undefined;
  #stopped = false;

  /** @param topics those that values are wanted of; they may change */
  constructor(
    name: string,
    log: Logger,
    options: Options,
    detect: boolean,
    topics: TopicTable<T>,
    listener: LinkListener<T>,
  ) {
    this.peer = showEndpoint(options.host);
    this.#name = name;
    this.#log = log;
    this.#options = options;
    this.#topics = topics;
    this.#listener = listener;
    this.#telling = new Telling(log, name, this.peer);
    const { host, user, password, clientid, protocol, keepalive, qos, retain, status } = options;
    this.#settings = {
      clientId: clientid ?? madeUpId(name),
      version: protocol === "5" ? 5 : 4,
      user: user ?? host.user,
      password: password ?? host.password,
      keepalive,
      qos: qos as Settings["qos"],
      retain,
      status,
      detect,
    };
  }

  /** @param after what has to end first: another connection of the same name */
  start(Client: Client, after: Promise<void>): void {
    this.#client = Client;
    void after.then(() => this.#attempt());
  }

  status(): Pick<InstanceStatus, "state" | "text" | "peers"> {
    if (this.#connected) return { state: "ok", text: `connected to ${this.peer}`, peers: [this.peer] };
    if (this.#reason === undefined) return { state: "waiting", text: `connecting to ${this.peer}` };
    return { state: "waiting", text: `no connection to ${this.peer}: ${this.#reason}` };
  }

  /** @param offline whether the topic of the status is to say so */
  async stop(offline: boolean): Promise<void> {
    this.#stopped = true;
    this.#reconnect.close();
    this.#connected = false;
    await this.#current?.end(offline);
  }

  async #attempt(): Promise<void> {
    if (this.#stopped || this.#client === undefined) return;
    try {
      const settings = this.#settings;
      const splitter = new Splitter(this.#topics, settings.version === 5);
      const intake = new Intake(splitter);
      const open = await prepareSocket(this.#options);
      if (this.#stopped) return;
      const socket = open(intake.onread);
      const connection: Connection<T> = new Connection(this.#client, socket, intake, splitter, settings, {
        ...this.#listener,
        connected: () => this.#isConnected(connection),
        ended: (reason, otherVersion) => this.#hasEnded(reason, otherVersion),
      });
      this.#current = connection;
    } catch (error) {
      const option = error instanceof CertificateProblem ? `option '${error.option}' ` : "";
      this.#hasEnded(option + messageOf(error), false);
    }
  }

  #isConnected(connection: Connection<T>): void {
    const again = this.#wasConnected;
    this.#connected = true;
    this.#wasConnected = true;
    this.#reason = undefined;
    this.#reconnect.connected();
    this.#telling.connected();
    this.#listener.connected(connection, again);
  }

  #hasEnded(reason: string, otherVersion: boolean): void {
    const was = this.#connected;
    this.#current = undefined;
    this.#connected = false;
    if (this.#stopped) return;
    this.#reason = reason;
    if (otherVersion) {
      this.#settings = { ...this.#settings, version: 4 };
      const message = `${this.#name}: ${this.peer} does not know version 5 of MQTT: trying 3.1.1`;
      this.#log.info({ instance: this.#name, peer: this.peer }, message);
    } else {
      this.#telling.failed(reason);
    }
    if (was) this.#listener.lost();
    this.#reconnect.failed();
  }
}

/** No longer than any broker takes, and different at each start: two clients of one name would end each other's connection. */
function madeUpId(instance: string): string {
  const random = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => (byte % 36).toString(36)).join("");
  return `MM-${instance.replace(/[^0-9A-Za-z]/g, "").slice(0, 10)}-${random}`;
}
