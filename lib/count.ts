/** A count with its noun: `1 mapping`, `3 mappings`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
