import type { Logger } from "../../log/log.js";
import { Condition } from "./condition.js";
import { reasonOf } from "./error-codes.js";
import { type Endpoint, type Family, ipv4Number, numericHost, resolveHost, showEndpoint, showPeer } from "./hosts.js";

/** How often a name without an address is looked up again, in ms. */
const RETRY = 5000;

/** What a target is, and how it is logged. */
export interface TargetSpec {
  /** Absent for a target that {@link UdpTarget.follow} sets. */
  readonly address?: { readonly host: string; readonly port: number };
  /** Starts messages: the instance's name. */
  readonly owner: string;
  readonly log: Logger;
  /** What is lost if it can't be sent. Default: `frame`. */
  readonly unit?: string;
  /** Only addresses of this family. Default: the first of either. */
  readonly family?: Family;
  /** Called once the address is known, if it was not at first. */
  resolved?(): void;
}

/**
 * A peer that datagrams are sent to: its address, once known, and whether sending works. A name is resolved once, in the
 * background, and again only until it has an address.
 */
export class UdpTarget {
  readonly condition: Condition;
  readonly #spec: TargetSpec;
  #endpoint: Endpoint | undefined;
  #ipv4: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(spec: TargetSpec) {
    this.#spec = spec;
    const { address, owner, log, unit = "frame" } = spec;
    this.condition = new Condition(
      log,
      { instance: owner },
      {
        unit,
        failed: (reason) => `${owner}: could not send to ${this.text}: ${reason}`,
        works: () => `${owner}: sends to ${this.text} again`,
      },
    );
    const numeric = address && numericHost(address.host);
    if (address !== undefined && numeric !== undefined) this.follow({ ...numeric, port: address.port });
  }

  /** Undefined until its name is resolved. */
  get endpoint(): Endpoint | undefined {
    return this.#endpoint;
  }

  /** Its address as a number; undefined if it is not of IPv4. */
  get ipv4(): number | undefined {
    return this.#ipv4;
  }

  /** For people. */
  get text(): string {
    const { address } = this.#spec;
    if (address !== undefined) return showEndpoint(address);
    return this.#endpoint === undefined ? "a peer" : showPeer(this.#endpoint);
  }

  /** Sends to this peer from now on. */
  follow(endpoint: Endpoint): void {
    this.#endpoint = endpoint;
    this.#ipv4 = ipv4Number(endpoint.address);
  }

  /** Looks up the name. Resolves after the first attempt; later ones follow by themselves. */
  async resolve(): Promise<void> {
    const { address, family, resolved } = this.#spec;
    if (this.#endpoint !== undefined || address === undefined || this.#closed) return;
    try {
      const found = await resolveHost(address.host, family);
      if (this.#closed) return;
      this.follow({ ...found, port: address.port });
      this.condition.succeeds();
      resolved?.();
    } catch (error) {
      if (this.#closed) return;
      this.condition.fails(reasonOf(error));
      this.#timer = setTimeout(() => void this.resolve(), RETRY).unref();
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.condition.close();
  }
}
