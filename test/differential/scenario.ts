/** A configuration with its Python modules, and what is fed into it. */
export interface Scenario {
  /** In the order of their sections. */
  readonly instances: readonly Instance[];
  readonly mappings: readonly Mapping[];
  /** The python instance that outputs the stimuli. */
  readonly driver: string;
  /** Each is output at once, when all that came of the one before has been handled. */
  readonly stimuli: readonly (readonly Output[])[];
}

export type Instance = PythonInstance | LoopbackInstance;

export interface LoopbackInstance {
  readonly backend: "loopback";
  readonly name: string;
}

export interface PythonInstance {
  readonly backend: "python";
  readonly name: string;
  readonly modules: readonly PythonModule[];
  /** `module.function` */
  readonly defaultHandler?: string;
}

export interface PythonModule {
  readonly name: string;
  readonly handlers: ReadonlyMap<string, Handler>;
  /** Output while the module loads. */
  readonly initial: readonly Output[];
}

export interface Output {
  readonly channel: string;
  readonly value: number;
}

export interface Handler {
  /** A channel whose values it looks at. */
  readonly peek: string;
  readonly transforms: readonly Transform[];
}

/** Outputs `factor * value + offset` on a channel, for values above a threshold. */
export interface Transform {
  readonly channel: string;
  readonly factor: number;
  readonly offset: number;
  readonly above: number;
}

export interface Mapping {
  readonly left: Side;
  readonly arrow: Arrow;
  readonly right: Side;
}

export const arrows = ["<", ">", "<>", "><"] as const;
export type Arrow = (typeof arrows)[number];

export interface Side {
  readonly instance: string;
  readonly pieces: readonly Piece[];
}

/** A part of a channel's name as it is written, and what that stands for. */
export interface Piece {
  readonly text: string;
  readonly items: readonly string[];
}

export function isPython(instance: Instance): instance is PythonInstance {
  return instance.backend === "python";
}

/** The channels that a side stands for: the rightmost piece runs fastest. */
export function channelsOf(side: Side): string[] {
  return side.pieces.reduce<string[]>(
    (names, { items }) => names.flatMap((name) => items.map((item) => name + item)),
    [""],
  );
}
