// What the server sends of the layout.

export interface Widget {
  readonly kind: "fader" | "knob" | "button" | "toggle" | "xy" | "meter" | "text";
  readonly ids: readonly number[];
  readonly label: string;
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

export interface Group {
  readonly title?: string;
  readonly widgets: readonly Widget[];
}

export interface Page {
  readonly title?: string;
  readonly groups: readonly Group[];
}

export interface Layout {
  readonly title: string;
  readonly pages: readonly Page[];
}

/** A widget on the page. */
export interface View {
  readonly element: HTMLElement;
  /** Its channels. */
  readonly ids: readonly number[];
  /** Whether it only shows values: it may be drawn less often. */
  readonly shows: boolean;
  /** Draws the values of the moment. */
  draw(): void;
}
