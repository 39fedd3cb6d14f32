// A backend, declared as data. Everything that has to be known about a backend without running it follows from its declaration:
// errors in a configuration at the place of the mistake, `mmpy backends`, the option tables of the documentation, shell
// completion.
import type { BackendModule } from "./instance.js";
import type { Option, OptionSet, Values } from "./options.js";

export type ChannelUse = "input" | "output";

/** The meaning of a channel's name, or why the channel can't exist. */
export type ParsedChannel<C> =
  | {
      readonly problem?: undefined;
      /** The canonical name of a channel that can be spelled in several ways. Absent: the name as written. */
      readonly name?: string;
      /** The name's meaning to the backend, which gets it as {@link Channel.meaning}. */
      readonly meaning?: C;
      /** A warning about a valid channel: shown at its place; the start continues. */
      readonly warning?: string;
      readonly help?: readonly string[];
    }
  | { readonly problem: string; readonly help?: readonly string[] };

/** Instance options with free names, like the patterns `/path = f 0 1` of OSC. */
export interface OptionPattern {
  /** As documented: `/PATH`. */
  readonly form: string;
  readonly option: Option;
  /** Whether an option's name is one of these. */
  matches(name: string): boolean;
}

export interface ChannelForm {
  /** As documented: `ch<0..15>.cc<0..127>`. */
  readonly form: string;
  readonly doc: string;
  readonly example: string;
}

/** A problem with the options of one section together. */
export interface SectionProblem {
  readonly problem: string;
  /** The option at whose place it is shown. Absent: the section's place. */
  readonly option?: string;
  readonly help?: readonly string[];
}

/**
 * A declaration.
 *
 * @typeParam B options of `[backend NAME]`
 * @typeParam I options of instances
 * @typeParam C meaning of a channel's name
 */
export interface BackendDeclaration<B extends OptionSet = OptionSet, I extends OptionSet = OptionSet, C = unknown> {
  /** As in the configuration: no whitespace. */
  readonly name: string;
  /** One line, for tables. */
  readonly summary: string;
  readonly options: B;
  readonly instanceOptions: I;
  readonly optionPatterns?: readonly OptionPattern[];
  /**
   * What happens to undeclared options of `[backend NAME]`: an `error` (the default), or they are `accepted` and reach the
   * backend as written.
   */
  readonly otherOptions?: "error" | "accepted";
  /** The same for options of instances. */
  readonly otherInstanceOptions?: "error" | "accepted";
  readonly channels: {
    readonly forms: readonly ChannelForm[];
    /**
     * Reads a channel's name. Pure: called for every channel that a mapping names, even if the configuration is then
     * rejected. Absent: any name is a channel.
     *
     * @param name with expressions expanded
     * @param use `input`: events go to the channel, `output`: they come from it
     */
    parse?(name: string, use: ChannelUse, options: Values<I>): ParsedChannel<C>;
  };
  /** Example configurations of this package, in `python/examples`. */
  readonly examples?: readonly string[];
  /** Checks the options of `[backend NAME]` together. Pure. */
  checkOptions?(options: Values<B>): readonly SectionProblem[];
  /** Checks an instance's options together. Pure. */
  checkInstanceOptions?(options: Values<I>): readonly SectionProblem[];
  /** Imports the backend's code; called once per router, when its configuration first uses it. */
  load(): Promise<BackendModule<B, I, C>> | BackendModule<B, I, C>;
}

/** Checks a declaration's types; its options' types reach the code that {@link BackendDeclaration.load} imports. */
export function declareBackend<B extends OptionSet, I extends OptionSet, C = unknown>(
  declaration: BackendDeclaration<B, I, C>,
): BackendDeclaration<B, I, C> {
  return declaration;
}
