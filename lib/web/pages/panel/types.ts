// Types of the page's own.

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
