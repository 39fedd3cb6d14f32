/** Statistics of repeated measurements. */

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @param q 0 (the smallest) to 1 (the largest); interpolates between values */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((a, b) => a - b);
  const place = q * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

/** How many times as large the second of two values measured together is: the median over their pairs. */
export function ratioOfPairs(values: readonly number[], others: readonly number[]): number {
  if (values.length !== others.length) return median(others) / median(values);
  return median(values.map((value, i) => (others[i] ?? Number.NaN) / value));
}

/** Formats a number with three significant digits and grouped thousands. */
export function format(value: number): string {
  if (Number.isNaN(value)) return "-";
  const digits = Math.abs(value) >= 100 || value === 0 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `median (smallest..largest)` */
export function formatSpread(values: readonly number[]): string {
  if (values.length === 0) return "-";
  if (values.length === 1) return format(median(values));
  return `${format(median(values))} (${format(Math.min(...values))}..${format(Math.max(...values))})`;
}
