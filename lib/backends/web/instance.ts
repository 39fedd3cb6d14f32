import { count } from "../../count.js";
import { messageOf } from "../../errors.js";
import { packageVersion } from "../../package-version.js";
import type { Access } from "../../web/access.js";
import { attach, type Site } from "../../web/site.js";
import type {
  Change,
  Channel,
  DeclaredInstance,
  EventBatch,
  InstanceSetup,
  InstanceStatus,
  NextOptions,
} from "../instance.js";
import { addRoutes } from "./http.js";
import type { instanceOptions } from "./index.js";
import { layoutOf } from "./layout.js";
import type { Line } from "./lines.js";
import { Looking } from "./looking.js";
import { Panel } from "./panel.js";
import { talk } from "./talk.js";
import { type PageTokens, readTokens, TokenProblem } from "./token-files.js";
import { isLoopback, urlsOf } from "./urls.js";

type Setup = InstanceSetup<typeof instanceOptions, Line>;
type Next = NextOptions<typeof instanceOptions, Line>;
type Options = Setup["options"];

/** How long a server that a reload has opened waits to be used, in ms: the reload may fail. */
const UNUSED = 10_000;

/** A page's files: each is `panel` with this ending. */
const FILES = [
  ["/", "panel.html"],
  ["/panel.js", "panel.js"],
  ["/panel.css", "panel.css"],
  ["/icon.svg", "icon.svg"],
] as const;

/** What a reload has prepared. */
interface Prepared {
  readonly tokens: PageTokens | undefined;
  /** Absent: the address is the same. */
  readonly site?: Site;
}

export class WebInstance implements DeclaredInstance<typeof instanceOptions, undefined, Line> {
  readonly #setup: Setup;
  readonly #panel: Panel;
  readonly #looking: Looking;
  /** By number of the router: that of the page. */
  readonly #ids: number[] = [];
  /** By name: the router's number. */
  readonly #indexes = new Map<string, number>();
  #options: Options;
  #site: Site | undefined;
  #tokens: PageTokens | undefined;
  #prepared: Prepared | undefined;
  #unused: NodeJS.Timeout | undefined;
  #runs = false;

  constructor(setup: Setup) {
    this.#setup = setup;
    this.#options = setup.options;
    this.#panel = new Panel((name, value) => {
      const index = this.#indexes.get(name);
      if (index !== undefined) setup.emit(index, value);
    });
    this.#looking = new Looking(setup.engine.view, packageVersion());
    this.#configure(setup);
  }

  connect(channels: readonly Channel<undefined>[]): [] {
    for (const channel of channels) {
      this.#ids[channel.index] = this.#panel.values.idOf(channel.name);
      if (channel.use === "output") this.#indexes.set(channel.name, channel.index);
      this.#panel.connect(channel);
    }
    return [];
  }

  leave(stays: (channel: string) => boolean): void {
    this.#panel.releaseAll((name) => !stays(name));
  }

  disconnect(channels: readonly Channel<undefined>[]): void {
    for (const channel of channels) {
      if (channel.use === "output") this.#indexes.delete(channel.name);
      this.#panel.disconnect(channel);
    }
  }

  async start(): Promise<void> {
    const tokens = this.#readTokens(this.#options);
    this.#site = await this.#attach(this.#options, tokens);
    this.#looking.apply(this.#site, this.#options);
    this.#tokens = tokens;
    this.#runs = true;
    this.#announce();
  }

  handle({ length, channels, values }: EventBatch): void {
    for (let i = 0; i < length; ++i) {
      const id = this.#ids[channels[i] as number];
      if (id !== undefined) this.#panel.hear(id, values[i] as number);
    }
  }

  /** Reads tokens, and opens the server of another address, so that a reload can fail for their sake. */
  async prepare({ options, report }: Next): Promise<void> {
    await this.#discard();
    try {
      const tokens = this.#readTokens(options);
      if (sameAddress(options.bind, this.#options.bind) && this.#site !== undefined) {
        this.#prepared = { tokens };
        return;
      }
      this.#prepared = { tokens, site: await this.#attach(options, tokens) };
      this.#unused = setTimeout(() => void this.#discard(), UNUSED).unref();
    } catch (error) {
      report({ message: messageOf(error), option: error instanceof TokenProblem ? error.option : "bind" });
    }
  }

  change(next: Next): Change {
    return { keep: () => this.#keep(next) };
  }

  async stop(): Promise<void> {
    this.#runs = false;
    this.#panel.close();
    this.#looking.end();
    await Promise.all([this.#site?.close("the router stops", true), this.#discard()]);
  }

  status(): InstanceStatus {
    if (this.#site === undefined) return { state: "waiting", text: "is not open" };
    const { clients } = this.#site;
    const [url = ""] = this.#urls();
    return {
      state: "ok",
      text: `${url}, ${count(clients.size, "client")}`,
      peers: [...clients].map((each) => each.address),
    };
  }

  #configure({ options, patterns }: Pick<Setup, "options" | "patterns">): void {
    this.#panel.release = options.release;
    this.#panel.configure(options.title ?? this.#setup.name, layoutOf({ patterns }));
  }

  #keep(next: Next): void {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    clearTimeout(this.#unused);
    const before = this.#tokens;
    this.#options = next.options;
    this.#configure(next);
    if (prepared === undefined) return;
    this.#tokens = prepared.tokens;
    if (prepared.site !== undefined) {
      void this.#site?.close("the page has moved to another address", false);
      this.#site = prepared.site;
    } else if (this.#site !== undefined) {
      this.#site.access = accessOf(this.#setup.name, next.options, prepared.tokens);
    }
    if (this.#site !== undefined) this.#looking.apply(this.#site, next.options);
    const isSame = before === undefined ? prepared.tokens === undefined : sameTokens(before, prepared.tokens);
    if (!isSame) {
      const reason = "the tokens have changed";
      if (prepared.site === undefined) for (const client of this.#site?.clients ?? []) client.close(1008, reason, true);
    }
    if (!isSame || prepared.site !== undefined) this.#announce();
  }

  async #discard(): Promise<void> {
    clearTimeout(this.#unused);
    const site = this.#prepared?.site;
    this.#prepared = undefined;
    await site?.close("the reload failed", false);
  }

  #readTokens(options: Options): PageTokens | undefined {
    const { name, log } = this.#setup;
    const tokens = readTokens(options, !isLoopback(options.bind.host));
    for (const warning of tokens?.warnings ?? []) log.warn({ instance: name }, `${name}: ${warning}`);
    return tokens;
  }

  async #attach(options: Options, tokens: PageTokens | undefined): Promise<Site> {
    const { name, log } = this.#setup;
    const { host, port } = options.bind;
    const access = accessOf(name, options, tokens);
    const site = await attach({ name, owner: name, address: { host, port }, access, log });
    try {
      for (const [at, file] of FILES) site.file(at, file);
      addRoutes(site, this.#panel, () => this.#runs);
      site.socket("/ws", talk(this.#panel, `mmpy ${packageVersion()}`));
      return site;
    } catch (error) {
      await site.close("it could not be opened", false);
      throw error;
    }
  }

  #urls(): readonly string[] {
    const site = this.#site;
    if (site === undefined) return [];
    return urlsOf(this.#options.bind.host, site.bound.port).map((url) => url + site.path.slice(1));
  }

  /** Tells where the page is: once, since the address holds the token. */
  #announce(): void {
    const { name, log } = this.#setup;
    const [url = "", ...others] = this.#urls();
    const tokens = this.#tokens;
    const also = others.length > 0 ? `, or with ${others.join(" or ")}` : "";
    if (tokens === undefined) {
      log.info({ instance: name }, `${name}: open ${url} on this machine`);
      return;
    }
    const view = tokens.view === undefined ? "" : `; for viewing only: ${url}#token=${tokens.view}`;
    log.info({ instance: name }, `${name}: open ${url}#token=${tokens.control}${also}${view}`);
  }
}

function accessOf(name: string, { hosts, origins, frame }: Options, tokens: PageTokens | undefined): Access {
  return { hosts, origins, frame, tokens: tokens?.tokens, section: `[web ${name}]` };
}

function sameAddress(left: Options["bind"], right: Options["bind"]): boolean {
  return left.host === right.host && left.port === right.port;
}

function sameTokens(before: PageTokens, after: PageTokens | undefined): boolean {
  return after !== undefined && before.tokens.equals(after.tokens);
}
