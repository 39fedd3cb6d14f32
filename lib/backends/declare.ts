// A backend, declared as data. A declaration provides everything about a backend that does not need its code: errors at the
// place of the mistake in a configuration, `mmpy backends`, the option tables of the documentation, shell completion.
import type { BackendModule } from "./instance.js";
import type { Option, OptionSet, Values } from "./options.js";

export type ChannelUse = "input" | "output";

/** The meaning of a channel's name, or the reason why it is invalid. */
export type ParsedChannel<C> =
  | {
      readonly problem?: undefined;
      /** The canonical name of a channel that can be spelled in several ways. Absent: the name as it is written. */
      readonly name?: string;
      /** The name's meaning to the backend; passed on in {@link Channel.meaning}. */
      readonly meaning?: C;
      /** A warning about a valid channel: shown at its place, without preventing the start. */
      readonly warning?: string;
      readonly help?: readonly string[];
    }
  | { readonly problem: string; readonly help?: readonly string[] };

/** Instance options with free names, like the patterns `/path = f 0 1` of OSC. */
export interface OptionPattern {
  /** As in documentation: `/PATH`. */
  readonly form: string;
  readonly option: Option;
  /** Whether an option's name is one of these. */
  matches(name: string): boolean;
}

/** The value of an option with a free name. */
export interface PatternValue {
  readonly name: string;
  /** The form of its pattern. */
  readonly form: string;
  readonly value: unknown;
}

export interface ChannelForm {
  /** As in documentation: `ch<0..15>.cc<0..127>`. */
  readonly form: string;
  readonly doc: string;
  readonly example: string;
}

/** A problem with the options of one section together. */
export interface SectionProblem {
  readonly problem: string;
  /** The option at whose place it is shown; absent: the section's. */
  readonly option?: string;
  readonly help?: readonly string[];
}

/**
 * A declaration.
 *
 * @typeParam B options of `[backend NAME]`
 * @typeParam I options of instances
 * @typeParam C what a channel's name means
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
   * Whether options of `[backend NAME]` that are not declared are an `error` (the default) or `accepted`; the backend gets
   * them as they are written.
   */
  readonly otherOptions?: "error" | "accepted";
  /** The same for options of instances. */
  readonly otherInstanceOptions?: "error" | "accepted";
  readonly channels: {
    readonly forms: readonly ChannelForm[];
    /**
     * Parses a channel's name. Pure: called for every channel in a mapping, also if the configuration fails. Absent: any name
     * is a channel.
     *
     * @param name expressions are expanded
     * @param use `input`: events go to the channel, `output`: they come from it
     * @param patterns the instance's options with free names, in order
     */
    parse?(name: string, use: ChannelUse, options: Values<I>, patterns: readonly PatternValue[]): ParsedChannel<C>;
  };
  /** Example configurations of this package, in `python/examples`. */
  readonly examples?: readonly string[];
  /** Checks the options of `[backend NAME]` in combination. Pure. */
  checkOptions?(options: Values<B>): readonly SectionProblem[];
  /** Checks an instance's options in combination, those with free names too. Pure. */
  checkInstanceOptions?(options: Values<I>, patterns: readonly PatternValue[]): readonly SectionProblem[];
  /** Imports the backend's code. Called once per router, when its configuration first uses it. */
  load(): Promise<BackendModule<B, I, C>> | BackendModule<B, I, C>;
}

/** Checks a declaration's types; its options' types reach the code that {@link BackendDeclaration.load} imports. */
export function declareBackend<B extends OptionSet, I extends OptionSet, C = unknown>(
  declaration: BackendDeclaration<B, I, C>,
): BackendDeclaration<B, I, C> {
  return declaration;
}
