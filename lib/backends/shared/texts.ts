/** A peer's text, which ends at a 0 or fills its field, for people: nothing that could spoil a terminal. */
export function readText(data: Buffer, at: number, length: number): string {
  const end = data.indexOf(0, at);
  const text = data.toString("utf8", at, end < 0 || end > at + length ? at + length : end);
  return text.replace(/\p{C}/gu, "?");
}
