// What the server sends of the layout, as docs/web-api.md describes it. Types only, which the page shares.

export type Kind = "fader" | "knob" | "button" | "toggle" | "xy" | "meter" | "text";

/** How a widget looks and behaves. */
export interface Look {
  readonly colour?: string;
  readonly min?: number;
  readonly max?: number;
  readonly unit?: string;
  readonly decimals?: number;
  readonly width?: number;
  readonly horizontal?: boolean;
  readonly response?: "relative" | "jump";
  readonly steps?: number;
  readonly spring?: boolean;
  readonly default?: number;
  readonly hold?: number;
}

export interface SentWidget extends Look {
  readonly kind: Kind;
  /** One; for `xy` two. */
  readonly ids: readonly number[];
  readonly label: string;
}

/** @template W a widget as it is sent, or as the server has it */
export interface Group<W = SentWidget> {
  /** Absent: it has no heading. */
  readonly title?: string;
  readonly widgets: readonly W[];
}

export interface Page<W = SentWidget> {
  /** Absent: the first one, if its lines stand before all `page` lines. */
  readonly title?: string;
  readonly groups: readonly Group<W>[];
}

export interface SentLayout {
  readonly title: string;
  readonly pages: readonly Page[];
}
