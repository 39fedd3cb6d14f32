import type { SentWidget as Widget } from "../../../backends/web/wire.js";

/** A value in the units of a widget. */
export function scaled({ min = 0, max = 1 }: Widget, value: number): number {
  return min + value * (max - min);
}

/** A value for people: `-12.5 dB`; a dash before the first one. */
export function shown(widget: Widget, value: number | undefined): string {
  if (value === undefined) return "–";
  const number = scaled(widget, value).toFixed(widget.decimals ?? 2);
  return widget.unit === undefined ? number : `${number} ${widget.unit}`;
}

/** The nearest value that a widget can have. */
export function snapped({ steps }: Widget, value: number): number {
  const clamped = Math.min(1, Math.max(0, value));
  if (steps === undefined) return Math.round(clamped * 1e6) / 1e6;
  return Math.round(clamped * (steps - 1)) / (steps - 1);
}
