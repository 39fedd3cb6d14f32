// Reading what clients send.

export function isValue(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= 1;
}

/** A part of a path without its percent-encoding; as it is if that is invalid. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
