// A backend, declared as data. A declaration provides everything about a backend that does not need its code: errors at the
// place of the mistake in a configuration, `mmpy backends`, the option tables of the documentation, shell completion.
import type { BackendModule } from "./instance.js";
import type { OptionSet, Parsed, Values } from "./options.js";

export type ChannelUse = "input" | "output";

/** The meaning of a channel's name, or the reason why it is invalid. */
export type ParsedChannel<C> =
  | {
      readonly problem?: undefined;
      /**
       * The canonical name of a channel that can be spelled in several ways, the same for both uses. Absent: the name as it
       * is written.
       */
      readonly name?: string;
      /** The name's meaning to the backend; passed on in {@link Channel.meaning}. */
      readonly meaning?: C;
      /** A warning about a valid channel: shown at its place, without preventing the start. */
      readonly warning?: string;
      readonly help?: readonly string[];
    }
  | { readonly problem: string; readonly help?: readonly string[] };

/**
 * Instance options with free names, like `/path = f 0 1` of OSC.
 *
 * @typeParam V type of the values
 */
export interface OptionPattern<V = unknown> {
  /** The form of the names, as in documentation: `/PATH`. */
  readonly form: string;
  /** One line of documentation. */
  readonly doc: string;
  /** The form of the values: `TYPE MIN MAX`. */
  readonly valueForm?: string;
  /** Of a value. */
  readonly example?: string;
  /** Whether an instance takes changed options of this form while it runs: always, or `append`: if some are only added at the end. */
  readonly live?: boolean | "append";
  /** Whether an empty value is valid. */
  readonly takesEmpty?: boolean;

  /**
   * Parses one option. Pure.
   *
   * @param folder the folder that relative paths start from
   * @returns undefined if the name is not one of this form; a problem may be one of the name: `in: "name"`
   */
  parse(name: string, text: string, folder: string): Parsed<V> | undefined;
}

/** An option with a free name, parsed. */
export interface PatternValue<V = unknown> {
  readonly name: string;
  /** {@link OptionPattern.form} of the pattern that it matches. */
  readonly form: string;
  readonly value: V;
}

/** All options of an instance, parsed. */
export interface InstanceOptions<I extends OptionSet = OptionSet, P = unknown> {
  readonly options: Values<I>;
  /** Options with free names, in order. */
  readonly patterns: readonly PatternValue<P>[];
}

export interface ChannelForm {
  /** As documented: `ch<0..15>.cc<0..127>`. */
  readonly form: string;
  readonly doc: string;
  readonly example: string;
}

/** A channel that an option names. */
export interface NamedChannel {
  readonly name: string;
  readonly option: string;
  /** Which of the settings of that option, from 0. */
  readonly index: number;
}

/** A problem with the options of one section together. */
export interface SectionProblem {
  readonly problem: string;
  /** `warning`: it is shown, and the start goes on. Absent: an error. */
  readonly severity?: "warning";
  /** The option at whose place it is shown; absent: the section's. */
  readonly option?: string;
  /** Which of the settings of that option, from 0. Default: the last one. */
  readonly index?: number;
  /** Whether it is shown at the option's name. Default: `value`. */
  readonly in?: "name" | "value";
  readonly help?: readonly string[];
}

/** An instance in the next configuration. */
export interface InstanceOfBackend<I extends OptionSet = OptionSet, P = unknown> extends InstanceOptions<I, P> {
  readonly name: string;
}

/** A problem with the instances of a backend together. */
export interface InstancesProblem extends SectionProblem {
  /** The instance in whose section it is shown. */
  readonly instance: string;
}

/**
 * A declaration.
 *
 * @typeParam B options of `[backend NAME]`
 * @typeParam I options of instances
 * @typeParam C what a channel's name means
 * @typeParam P values of options with free names
 */
export interface BackendDeclaration<
  B extends OptionSet = OptionSet,
  I extends OptionSet = OptionSet,
  C = unknown,
  P = unknown,
> {
  /** As in the configuration: no whitespace. */
  readonly name: string;
  /** One line, for tables. */
  readonly summary: string;
  readonly options: B;
  readonly instanceOptions: I;
  /** The first one that a name matches counts; declared names come before all. */
  readonly optionPatterns?: readonly OptionPattern<P>[];
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
     * @param name with expressions expanded
     * @param use `input`: events go to the channel, `output`: they come from it
     * @param section the instance's options
     */
    parse?(name: string, use: ChannelUse, section: InstanceOptions<I, P>): ParsedChannel<C>;
    /**
     * The channels that an instance's options name: each that no mapping uses gets a warning at the place of its option. Pure;
     * called where the options are valid.
     */
    named?(section: InstanceOptions<I, P>): readonly NamedChannel[];
  };
  /** Example configurations of this package, in `python/examples`. */
  readonly examples?: readonly string[];
  /** Checks the options of `[backend NAME]` in combination. Pure. */
  checkOptions?(options: Values<B>): readonly SectionProblem[];
  /** Checks an instance's options in combination. Pure. */
  checkInstanceOptions?(section: InstanceOptions<I, P>): readonly SectionProblem[];
  /**
   * Checks all instances of a configuration together: two that send the same universe. Pure; called where the options of each
   * are valid.
   *
   * @param options of the backend, as it was opened
   */
  checkInstances?(instances: readonly InstanceOfBackend<I, P>[], options: Values<B>): readonly InstancesProblem[];
  /** Imports the backend's code. Called once per router, when its configuration first uses it. */
  load(): Promise<BackendModule<B, I, C, P>> | BackendModule<B, I, C, P>;
}

/** Checks a declaration's types; its options' types reach the code that {@link BackendDeclaration.load} imports. */
export function declareBackend<B extends OptionSet, I extends OptionSet, C = unknown, P = unknown>(
  declaration: BackendDeclaration<B, I, C, P>,
): BackendDeclaration<B, I, C, P> {
  return declaration;
}
