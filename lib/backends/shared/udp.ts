// UDP sockets that outlast their network: an address that is missing, in use or taken away is tried again until it is there.
import { messageOf } from "../../errors.js";
import type { Logger } from "../../log/log.js";
import { Condition } from "./condition.js";
import { codeOf, LOW_PORT, reasonOf } from "./error-codes.js";
import {
  addressOfInterface,
  type Endpoint,
  type Family,
  hasAddress,
  interfaceOf,
  interfacesNow,
  type ResolvedHost,
  resolveHost,
  showEndpoint,
  WILDCARD,
} from "./hosts.js";
import { Memberships } from "./memberships.js";
import { NativeUdp, SystemError } from "./native-udp.js";
import type { UdpTarget } from "./udp-target.js";

/** How often a failed bind is tried again, and how often interfaces are looked at, in ms. */
const RETRY = 1000;
/** How long a start waits for the name of an address, in ms; then it goes on without. */
const PATIENCE = 500;

export interface UdpSpec {
  /** Starts messages: the instance's name. */
  readonly owner: string;
  /** A number, a name, or `*` for all addresses. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /**
   * A network interface. With `*` as the host, the socket is bound to its address; with {@link wide} to all addresses, and only
   * multicast is limited to the interface.
   */
  readonly interface?: string | undefined;
  /**
   * Whether broadcasts and multicasts are to arrive: a socket that is bound to one address gets none on Linux.
   */
  readonly wide?: boolean;
  /** What `*` means. Default: both families, or IPv4 where there is no IPv6. */
  readonly family?: Family;
  /** The interface that multicast groups are joined on, for a socket that is itself bound to a group. */
  via?(): string | undefined;
  /** Whether only multicasts arrive that it has joined the groups of itself. Default: also those of other sockets' groups. */
  readonly ownGroups?: boolean;
  /** Whether multicasts come back to this machine. Default: no. */
  readonly loops?: boolean;
  /** The size of the receive buffer to ask for, in bytes. */
  readonly receiveBuffer?: number;
  readonly log: Logger;
  /** Gets what arrives, from IPv4 peers with addresses of IPv4. The buffer is used again afterwards. An exception is logged. */
  receive?(data: Buffer, from: Endpoint): void;
  /** Called whenever the socket has been bound: also again, after its address was gone. */
  opened?(): void;
  /** Called whenever it is bound no longer, though it is not closed: its address has gone. */
  released?(): void;
}

/** A UDP socket. Nothing about it throws: what goes wrong is logged once, tried again, and logged when it works. */
export class UdpSocket {
  readonly #spec: UdpSpec;
  readonly #binding: Condition;
  readonly #receiving: Condition;
  /** Sending what the system had no room for at first. */
  readonly #waiting: Condition;
  readonly #memberships: Memberships;
  #socket: NativeUdp | undefined;
  #bound: Endpoint | undefined;
  #timer: NodeJS.Timeout | undefined;
  #interfaces = "";
  #attempting = false;
  #closed = false;

  constructor(spec: UdpSpec) {
    this.#spec = spec;
    const { owner, log } = spec;
    const fields = { instance: owner, address: this.#where };
    this.#binding = new Condition(log, fields, {
      level: "error",
      atOnce: true,
      failed: (reason) => `${owner}: can't use ${this.#where}: ${reason}; this is tried again every second`,
      works: () => `${owner}: uses ${this.#where} now`,
    });
    this.#receiving = new Condition(log, fields, {
      level: "error",
      failed: (reason) => `${owner}: receiving on ${this.#where} fails: ${reason}`,
      works: () => `${owner}: receives on ${this.#where} again`,
    });
    this.#waiting = new Condition(log, fields, {
      unit: "datagram",
      failed: (reason) => `${owner}: could not send from ${this.#where} what had waited for room: ${reason}`,
      works: () => `${owner}: sends from ${this.#where} again`,
    });
    this.#memberships = new Memberships(owner, log);
  }

  /** Where the socket is bound to at the moment. */
  get bound(): Endpoint | undefined {
    return this.#bound;
  }

  /** For functions of the addon that take a socket; -1 while it is not bound. Another one each time it is. */
  get number(): number {
    return this.#socket?.number ?? -1;
  }

  /** Why it is not bound, or what else is wrong with it. */
  get problem(): string | undefined {
    return this.#binding.reason ?? this.#receiving.reason;
  }

  /** The address of this machine that peers can be told, if it is known: of the interface, or the one it is bound to. */
  get ownAddress(): ResolvedHost | undefined {
    if (this.#spec.interface !== undefined) return addressOfInterface(this.#spec.interface, this.#spec.family);
    const bound = this.#bound;
    return bound === undefined || isAny(bound.address) ? undefined : bound;
  }

  /** Binds the socket. Resolves after the first attempt, or earlier if a name takes long; later ones follow by themselves. */
  async open(): Promise<void> {
    this.#timer = setInterval(() => this.#look(), RETRY).unref();
    let patience: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      patience = setTimeout(resolve, PATIENCE);
    });
    await Promise.race([this.#attempt(), enough]);
    clearTimeout(patience);
  }

  /**
   * Sends a datagram, at once or as soon as there is room. The data may be changed afterwards, and so may the target.
   *
   * @returns false if it is lost since there is no room at the moment: then it can be tried again
   */
  send(data: Uint8Array, target: UdpTarget): boolean {
    const { endpoint, ipv4, condition } = target;
    const [socket, bound] = [this.#socket, this.#bound];
    if (endpoint === undefined || socket === undefined || bound === undefined) {
      const reason = endpoint === undefined ? "its name has no address yet" : `${this.#where} can't be used yet`;
      condition.fails(reason, 1);
      return true;
    }
    if (ipv4 === undefined && bound.family === 4) {
      condition.fails(`${this.#where} is IPv4, the address is IPv6`, 1);
      return true;
    }
    const result =
      ipv4 === undefined
        ? socket.sendTo(data, endpoint.address, endpoint.port)
        : socket.sendToIPv4(data, ipv4, endpoint.port);
    if (result === 0) {
      condition.succeeds();
      return true;
    }
    return this.couldNotSend(target, result, 1);
  }

  /** Whether datagrams to a target, which has an address, are sent at the moment, as far as is known. */
  canSend({ ipv4, condition }: UdpTarget): boolean {
    return (
      this.#bound !== undefined && condition.reason === undefined && (ipv4 !== undefined || this.#bound.family === 6)
    );
  }

  /**
   * Notes that datagrams to a target are lost.
   *
   * @param errno positive or negative
   * @returns false if it is for lack of room at the moment
   */
  couldNotSend({ condition }: UdpTarget, errno: number, count: number): boolean {
    const error = new SystemError(errno);
    condition.fails(
      error.code === "EADDRNOTAVAIL" ? `no address to send from (${error.code})` : reasonOf(error),
      count,
    );
    return error.code !== "EAGAIN";
  }

  /**
   * Joins a multicast group, on the socket's interface: also before it is open, and again whenever that is necessary. For groups of
   * IPv4 the socket should be of {@link UdpSpec.family} 4: others ignore {@link UdpSpec.loops} for IPv4.
   */
  join(group: string): void {
    this.#memberships.add(group);
  }

  leave(group: string): void {
    this.#memberships.remove(group);
  }

  /** Resolves once the socket is closed, after which it receives nothing. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#binding.close();
    this.#receiving.close();
    this.#waiting.close();
    this.#release();
    this.#memberships.close();
  }

  get #where(): string {
    const { host, port, interface: name } = this.#spec;
    const where = port === 0 ? "a free port" : `port ${port}`;
    const address = host === WILDCARD ? where : showEndpoint({ host, port });
    return name === undefined ? address : `${address} on ${name}`;
  }

  async #attempt(): Promise<void> {
    if (this.#attempting || this.#closed) return;
    this.#attempting = true;
    try {
      this.#release();
      const wanted = await this.#wanted();
      if (this.#closed) return;
      this.#bind(wanted);
    } catch (error) {
      if (this.#closed) return;
      this.#binding.fails(codeOf(error) === "EACCES" ? `${LOW_PORT} (EACCES)` : reasonOf(error));
    } finally {
      this.#attempting = false;
    }
  }

  /** The address to bind to; undefined: all of both families. */
  async #wanted(): Promise<ResolvedHost | undefined> {
    const { host, family, interface: name, wide } = this.#spec;
    if (name !== undefined) {
      const found = addressOfInterface(name, family);
      if (found === undefined) throw new Error(`interface ${name} does not exist or has no address`);
      if (host === WILDCARD && wide !== true) return found;
    }
    if (host !== WILDCARD) return resolveHost(host, family);
    if (family === undefined) return undefined;
    return { address: family === 6 ? "::" : "0.0.0.0", family };
  }

  #bind(wanted: ResolvedHost | undefined): void {
    if (wanted !== undefined) {
      this.#bindTo(wanted);
      return;
    }
    try {
      this.#bindTo({ address: "::", family: 6 });
    } catch (error) {
      if (!["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL"].includes(codeOf(error) ?? "")) throw error;
      this.#bindTo({ address: "0.0.0.0", family: 4 });
    }
  }

  #bindTo({ address, family }: ResolvedHost): void {
    const socket = new NativeUdp(address, this.#spec.port, {
      received: (data, from) => this.#receive(data, from),
      failed: (error) => this.#receiving.fails(reasonOf(error)),
      unsent: (error, lost) => this.#waiting.fails(reasonOf(error), lost),
    });
    this.#use(socket, { address, family, port: socket.port });
  }

  #use(socket: NativeUdp, bound: Endpoint): void {
    const { owner, log, loops = false, ownGroups, receiveBuffer, opened } = this.#spec;
    this.#socket = socket;
    this.#bound = bound;
    this.#interfaces = interfacesNow();
    try {
      socket.setBroadcast(true);
      socket.setMulticastLoop(loops);
      if (ownGroups) socket.setMulticastAll(false);
      if (receiveBuffer !== undefined) socket.setReceiveBuffer(receiveBuffer);
    } catch (error) {
      log.warn({ instance: owner }, `${owner}: ${this.#where} lacks an option: ${messageOf(error)}`);
    }
    this.#memberships.use(socket, this.multicastInterface);
    this.#binding.succeeds();
    opened?.();
  }

  #receive(data: Buffer, from: Endpoint): void {
    this.#receiving.succeeds();
    const { owner, log, receive } = this.#spec;
    try {
      receive?.(data, from);
    } catch (error) {
      log.error({ instance: owner, err: error }, `${owner}: a datagram could not be handled: ${messageOf(error)}`);
    }
  }

  /** Looks whether the socket still is where it should be. */
  #look(): void {
    if (this.#bound === undefined) {
      void this.#attempt();
      return;
    }
    const { host, family, interface: name, wide } = this.#spec;
    const own = isAny(this.#bound.address) ? undefined : this.#bound.address;
    if (own === undefined && name === undefined && this.#memberships.size === 0) return;
    const now = interfacesNow();
    if (now !== this.#interfaces) {
      this.#interfaces = now;
      const gone = own !== undefined && !hasAddress(own);
      const address = name === undefined ? undefined : addressOfInterface(name, family)?.address;
      const moved =
        name !== undefined && (address === undefined || (host === WILDCARD && wide !== true && address !== own));
      // Bound again, which fails until there is an address: the log reports both.
      if (gone || moved) void this.#attempt();
      else this.#memberships.renew(this.multicastInterface);
      return;
    }
    this.#memberships.retry();
  }

  /** The interface for multicast: of IPv4 an address, of IPv6 the name; undefined: the kernel's choice. */
  get multicastInterface(): string | undefined {
    const { interface: name, family, via } = this.#spec;
    if (via !== undefined) return via();
    if (family === 6) return name ?? (this.ownAddress && interfaceOf(this.ownAddress.address));
    const own = name === undefined ? this.ownAddress : addressOfInterface(name, 4);
    return own?.family === 4 ? own.address : undefined;
  }

  #release(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#bound = undefined;
    if (socket === undefined) return;
    this.#memberships.use(undefined, undefined);
    socket.close();
    if (!this.#closed) this.#spec.released?.();
  }
}

function isAny(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}
