// An instance's interpreter, wherever it is: in this process, or in one of its own.
import type { IdleModule, ModulesReloaded, PythonException, ResolveError } from "../../binding.js";
import type { Engine } from "../../engine/engine.js";
import type { Channels } from "../../mapping/channel-set.js";

/** The functions of the binding about an instance's code; `binding.d.ts` explains them. */
export interface Code {
  readonly number: number;
  readonly channels: Channels;
  loadModule(value: string, folder: string): PythonException | null;
  activity(): number;
  idleModule(value: string): IdleModule | null;
  fixChannels(): void;
  resolve(inputs: Uint32Array, defaultHandler: string): ResolveError[];
  /** Rejects if it can't be reloaded now, as it would hold up everything. */
  answers?(): Promise<void>;
  parseChanged(): PythonException | null;
  beginReload(): void;
  reloadChanged(): ModulesReloaded;
  endReload(keep: boolean): void;
  sourceFiles(): string[];
  /** It is about to end. */
  retired?(): void;
}

/** An interpreter in this process. */
export function codeHere({ binding, core }: Engine, number: number): Code {
  return {
    number,
    // Not kept here too: there may be a million names.
    channels: {
      get size() {
        return binding.channelCount(core, number);
      },
      add: (names) => binding.addChannels(core, number, names),
      names: (first, count) => binding.channelNames(core, number, first, count),
    },
    loadModule: (value, folder) => binding.loadModule(core, number, value, folder),
    activity: () => binding.activity(core, number),
    idleModule: (value) => binding.idleModule(core, number, value),
    fixChannels: () => binding.fixChannels(core, number),
    resolve: (inputs, defaultHandler) => binding.resolve(core, number, inputs, defaultHandler),
    parseChanged: () => binding.parseChanged(core, number),
    beginReload: () => binding.beginReload(core, number),
    reloadChanged: () => binding.reloadChanged(core, number),
    endReload: (keep) => binding.endReload(core, number, keep),
    sourceFiles: () => binding.sourceFiles(core, number),
  };
}
