import type { NodeReply } from "./packets.js";

/** After this long without a reply a node has gone, in ms: it misses three polls. */
const NODE_TIMEOUT = 10_000;
/** More are not kept: replies can be forged. */
const MAX_NODES = 1024;

/** A node as it answers polls: a device may be several. */
export interface Node extends NodeReply {
  readonly address: string;
}

interface Kept {
  node: Node;
  lastReply: number;
}

/** The nodes of a network. */
export class Nodes {
  readonly #nodes = new Map<string, Kept>();

  /** @returns the node, if it is new or has changed */
  heard(address: string, reply: NodeReply, now: number): Node | undefined {
    // Nodes that do not number their replies send several, each with up to four universes.
    const key = `${address} ${reply.bindIndex || reply.outputs.join()}`;
    const node = { ...reply, address };
    const kept = this.#nodes.get(key);
    if (kept === undefined) {
      if (this.#nodes.size >= MAX_NODES) return undefined;
      this.#nodes.set(key, { node, lastReply: now });
      return node;
    }
    kept.lastReply = now;
    const { outputs, shortName, port } = kept.node;
    const same = shortName === node.shortName && port === node.port && outputs.join() === node.outputs.join();
    kept.node = node;
    return same ? undefined : node;
  }

  /** Forgets nodes that do not answer any more, and returns them. */
  expire(now: number): Node[] {
    const gone: Node[] = [];
    for (const [key, { node, lastReply }] of this.#nodes) {
      if (now - lastReply <= NODE_TIMEOUT) continue;
      this.#nodes.delete(key);
      gone.push(node);
    }
    return gone;
  }

  clear(): void {
    this.#nodes.clear();
  }

  get all(): readonly Node[] {
    return [...this.#nodes.values()].map(({ node }) => node);
  }

  /** Where the levels of a universe are wanted; each device once. */
  takersOf(portAddress: number): { readonly address: string; readonly port: number }[] {
    const takers = new Map<string, { readonly address: string; readonly port: number }>();
    for (const { address, port, outputs } of this.all) {
      if (outputs.includes(portAddress)) takers.set(`${address}:${port}`, { address, port });
    }
    return [...takers.values()];
  }
}

/** For people: `'Dimmer' at 10.0.0.2, universes 0.1, 0.2`. */
export function showNode({ shortName, address, outputs }: Node): string {
  const universes = outputs.map((each) => `${each >> 8}.${each & 0xff}`).join(", ");
  const takes = outputs.length === 0 ? "takes no universe" : `takes net.universe ${universes}`;
  return `'${shortName}' at ${address}, ${takes}`;
}
