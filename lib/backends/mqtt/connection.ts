// One connection to a broker, from the attempt to its end.
import type { Socket } from "node:net";
import type { IClientOptions, IConnackPacket, MqttClient } from "mqtt";
import type { Intake } from "./intake.js";
import { LibraryStream, Outlet } from "./outlet.js";
import { Publisher } from "./publisher.js";
import {
  CLOSED,
  closedAtOnce,
  type Encryption,
  isClosed,
  isUnknownVersion,
  meaningOf,
  NO_ANSWER,
  reasonOf,
} from "./reasons.js";
import type { Splitter } from "./splitter.js";

/** The class of the library, which is imported when an instance starts. */
export type Client = typeof MqttClient;

/** How long a broker has to answer, in ms. */
const CONNECT_TIMEOUT = 10_000;
/** How long the end of a connection may take, in ms. */
const END_TIMEOUT = 1000;
/** The most messages that may wait for their acknowledgement; a broker may want fewer. */
const MAX_UNACKNOWLEDGED = 1000;
/** How long the broker keeps the last values that are sent after the connection has been lost, in s. */
const LATE_EXPIRY = 15;
/** How many topics one packet subscribes to. */
const TOPICS_PER_PACKET = 100;
/** Larger messages have nothing to do with values: the broker need not send them. */
const MAX_PACKET = 2 ** 20; // bytes
/** The longest packet there can be. */
const LONGEST = 5 + 2 ** 28 - 1; // bytes
/** What version 5 calls a packet that is too large. */
const PACKET_TOO_LARGE = 0x95;
/** Marks what a broker of version 5 sends because of a topic, and because of the option `detect`. */
const TOPIC = 1;
const DETECT = 2;

export type Version = 4 | 5;

export interface Settings {
  readonly clientId: string;
  readonly version: Version;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly keepalive: number;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly status: string | undefined;
  /** Whether to get all messages of the broker, too. */
  readonly detect: boolean;
}

export interface Incoming {
  readonly topic: string;
  readonly payload: Buffer;
  /** Whether the sender says that it is text. */
  readonly marked: boolean;
  /** Whether it comes by the subscription of its topic, as far as the broker says so. */
  readonly subscribed: boolean;
  /** The same for the subscription of all topics. */
  readonly detected: boolean;
}

export interface Listener<T> {
  connected(): void;
  /** A message of a topic that a value is wanted of, which is in `bytes` from `start` to `end` until this returns. */
  value(topic: T, bytes: Buffer, start: number, end: number, marked: boolean): void;
  /** All values that had come were passed on. */
  valuesEnd(): void;
  /** Any other message. */
  message(incoming: Incoming): void;
  /** More can be sent. */
  ready(): void;
  /** The broker does not send a topic. */
  refused(topic: string, reason: string): void;
  /** The broker does not take a message of a topic. */
  rejected(topic: string, reason: string): void;
  /** @param otherVersion whether the broker does not know version 5 */
  ended(reason: string, otherVersion: boolean): void;
}

export class Connection<T extends { readonly topic: string }> {
  readonly #client: MqttClient;
  readonly #socket: Socket;
  readonly #settings: Settings;
  readonly #listener: Listener<T>;
  readonly #outlet: Outlet;
  readonly #splitter: Splitter<T>;
  #publisher: Publisher | undefined;
  /** How many packets the library has handled. */
  #handled = 0;
  #state: "connecting" | "connected" | "over" = "connecting";
  #encryption: Encryption;
  #qos: 0 | 1 | 2;
  #retain: boolean;
  #canRetain = true;
  #maxAlias = 0;
  /** Channels whose topics the broker knows by a number. */
  readonly #aliased = new Set<number>();
  #maxUnacknowledged = MAX_UNACKNOWLEDGED;
  #unacknowledged = 0;
  /** Whether subscriptions are marked, to tell them apart. */
  #marks = false;

  /**
   * @param socket that is being connected
   * @param intake by which it reads, for the splitter
   */
  constructor(
    Client: Client,
    socket: Socket,
    intake: Intake,
    splitter: Splitter<T>,
    settings: Settings,
    listener: Listener<T>,
  ) {
    this.#socket = socket;
    this.#splitter = splitter;
    this.#outlet = new Outlet(socket, () => this.#tellReady());
    this.#encryption = "encrypted" in socket ? "begun" : "none";
    this.#settings = settings;
    this.#listener = listener;
    this.#qos = settings.qos;
    this.#retain = settings.retain;
    // Before the library's, which ignores some.
    socket.on("error", (error) => this.#failWith(error));
    socket.once("secureConnect", () => {
      this.#encryption = "complete";
    });
    socket.setNoDelay(true);
    socket.once("close", () => intake.close());
    const stream = new LibraryStream(socket, this.#outlet, () => intake.wanted());
    intake.attach(socket);
    splitter.attach({
      value: (topic, bytes, start, end, marked) => {
        if (this.#state === "connected") listener.value(topic, bytes, start, end, marked);
      },
      end: () => listener.valuesEnd(),
      forward: (bytes) => this.#state === "over" || stream.push(bytes),
      hasHandled: (packets) => this.#handled === packets,
    });
    this.#client = new Client(() => stream, optionsOf(settings));
    // It goes on with packets that have come before its end, and would throw without its stores.
    for (const store of [this.#client.incomingStore, this.#client.outgoingStore]) store.close = (done) => done?.();
    this.#client.on("packetreceive", () => {
      this.#handled++;
    });
    this.#client.on("connect", (packet) => this.#connected(packet));
    this.#client.on("error", (error) => this.#failWith(error));
    this.#client.on("disconnect", ({ reasonCode }) => this.#fail(`${CLOSED}: ${meaningOf(reasonCode ?? 0x80)}`));
    this.#client.on("close", () => this.#fail(this.#whyClosed()));
    this.#client.on("message", (topic, payload, { properties }) => {
      if (this.#state !== "connected") return;
      const marked = Boolean(properties?.payloadFormatIndicator);
      const by = properties?.subscriptionIdentifier;
      listener.message({ topic, payload, marked, subscribed: includes(by, TOPIC), detected: includes(by, DETECT) });
    });
  }

  /** Whether the broker takes another message now. */
  get ready(): boolean {
    return this.#state === "connected" && !this.#outlet.full && this.#unacknowledged < this.#maxUnacknowledged;
  }

  /**
   * Sends a value, with what comes before the next {@link flush}.
   *
   * @param payload whose first `length` bytes are sent; they can be used again once it returns
   * @param late whether it is the last one after a loss: others may not have connected again, so the broker keeps it a while
   */
  publish(channel: number, topic: string, payload: Uint8Array, length: number, late: boolean): void {
    const brief = late && !this.#retain && this.#canRetain && this.#settings.version === 5;
    const publisher = this.#publisher;
    if (publisher !== undefined) {
      const isSent = brief
        ? publisher.publishBriefly(topic, payload, length, LATE_EXPIRY)
        : publisher.publish(channel, topic, payload, length);
      if (!isSent) this.#listener.rejected(topic, meaningOf(PACKET_TOO_LARGE));
      return;
    }
    const alias = channel < this.#maxAlias && !this.#aliased.has(channel) ? channel + 1 : undefined;
    if (alias !== undefined) this.#aliased.add(channel);
    const properties = {
      ...(alias !== undefined && { topicAlias: alias }),
      ...(brief && { messageExpiryInterval: LATE_EXPIRY }),
    };
    const options = { qos: this.#qos, retain: this.#retain || brief, properties };
    this.#unacknowledged++;
    // A copy, since it may be sent later, and is kept until it is acknowledged.
    this.#client.publish(topic, Buffer.from(payload.subarray(0, length)), options, (error) => {
      this.#unacknowledged--;
      const { code } = (error ?? {}) as { readonly code?: unknown };
      if (typeof code === "number") this.#tell((listener) => listener.rejected(topic, meaningOf(code)));
      this.#tellReady();
    });
  }

  /** Sends what was published. */
  flush(): void {
    this.#outlet.flush();
  }

  subscribe(topics: readonly string[]): void {
    for (let i = 0; i < topics.length; i += TOPICS_PER_PACKET) {
      const some = topics.slice(i, i + TOPICS_PER_PACKET);
      this.#subscribe(some, this.#qos, TOPIC);
    }
  }

  unsubscribe(topics: readonly string[]): void {
    for (let i = 0; i < topics.length; i += TOPICS_PER_PACKET) {
      this.#client.unsubscribe(topics.slice(i, i + TOPICS_PER_PACKET), () => {});
    }
  }

  /**
   * Ends the connection in order, within a second.
   *
   * @param offline whether the topic of the status is to say so
   */
  async end(offline: boolean): Promise<void> {
    const connected = this.#state === "connected";
    this.#state = "over";
    if (!connected) {
      this.#client.end(true);
      return;
    }
    if (offline) this.#publishStatus("offline");
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, END_TIMEOUT);
      this.#socket.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
      this.#client.end(false);
    });
    this.#socket.destroy();
  }

  #connected({ properties }: IConnackPacket): void {
    if (this.#state !== "connecting") return;
    this.#state = "connected";
    this.#canRetain = properties?.retainAvailable !== false;
    if (!this.#canRetain) this.#retain = false;
    this.#qos = Math.min(this.#qos, properties?.maximumQoS ?? 2) as 0 | 1 | 2;
    this.#maxUnacknowledged = Math.min(MAX_UNACKNOWLEDGED, properties?.receiveMaximum ?? MAX_UNACKNOWLEDGED);
    this.#maxAlias = properties?.topicAliasMaximum ?? 0;
    const { detect, version } = this.#settings;
    this.#marks = detect && version === 5 && properties?.subscriptionIdentifiersAvailable !== false;
    if (this.#qos === 0) {
      const maxPacket = properties?.maximumPacketSize ?? LONGEST;
      const options = { version5: version === 5, retain: this.#retain, maxAlias: this.#maxAlias, maxPacket };
      this.#publisher = new Publisher(this.#outlet, options);
    }
    // What comes because of the one and the other subscription only the library can tell.
    if (!detect) this.#splitter.begin();
    this.#publishStatus("online");
    if (detect) this.#subscribe(["#"], 0, DETECT);
    this.#listener.connected();
  }

  #subscribe(topics: readonly string[], qos: 0 | 1 | 2, id: number): void {
    const properties = this.#marks && { properties: { subscriptionIdentifier: id } };
    this.#client.subscribe([...topics], { qos, nl: true, ...properties }, (_error, _grants, packet) => {
      for (const [i, code] of (packet?.granted ?? []).entries()) {
        if (Number(code) < 0x80) continue;
        this.#tell((listener) => listener.refused(topics[i] ?? "", meaningOf(Number(code))));
      }
    });
  }

  #publishStatus(text: string): void {
    const { status } = this.#settings;
    if (status === undefined) return;
    // At the end, nothing waits for acknowledgements any more.
    const qos = this.#unacknowledged < this.#maxUnacknowledged ? this.#qos : 0;
    this.#unacknowledged++;
    this.#client.publish(status, text, { qos, retain: this.#canRetain }, () => {
      this.#unacknowledged--;
      this.#tellReady();
    });
  }

  #tellReady(): void {
    if (this.ready) this.#listener.ready();
  }

  /** Not once it is over: whatever was under way has then failed with it. */
  #tell(what: (listener: Listener<T>) => void): void {
    if (this.#state === "connected") what(this.#listener);
  }

  #failWith(error: Error & { readonly code?: unknown }): void {
    const { code } = error;
    if (typeof code === "number") {
      const other = this.#state === "connecting" && this.#settings.version === 5 && isUnknownVersion(code);
      this.#fail(`it refuses the connection: ${meaningOf(code)}`, other);
    } else if (this.#state === "connecting" && isClosed(error)) {
      this.#fail(this.#whyClosed());
    } else {
      this.#fail(/^(connack|keepalive) timeout$/i.test(error.message) ? NO_ANSWER : reasonOf(error));
    }
  }

  #whyClosed(): string {
    return this.#state === "connecting" ? closedAtOnce(this.#encryption) : CLOSED;
  }

  #fail(reason: string, otherVersion = false): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#client.end(true);
    this.#listener.ended(reason, otherVersion);
  }
}

/** Whether a message comes by a subscription, as far as the broker says so. */
function includes(identifiers: number | readonly number[] | undefined, id: number): boolean {
  if (identifiers === undefined) return true;
  return typeof identifiers === "number" ? identifiers === id : identifiers.includes(id);
}

function optionsOf({ clientId, version, user, password, keepalive, qos, status }: Settings): IClientOptions {
  return {
    clientId,
    protocolVersion: version,
    protocolId: "MQTT",
    clean: true,
    keepalive,
    connectTimeout: CONNECT_TIMEOUT,
    // Connecting again, subscribing again and keeping values is done here, for the last values only.
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    autoUseTopicAlias: true,
    // Otherwise it makes a buffer for each of 65,536 numbers first, which is a third of what it adds to a start.
    writeCache: false,
    // Otherwise the library shows the user and everything else if the environment variable DEBUG is set.
    log: () => {},
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
    ...(status !== undefined && { will: { topic: status, payload: Buffer.from("offline"), qos, retain: true } }),
    ...(version === 5 && { properties: { topicAliasMaximum: 65535, maximumPacketSize: MAX_PACKET } }),
  };
}
