// Texts of peers, for people.

const LENGTH = 60;

/** A payload for people. */
export function shown(payload: Buffer): string {
  return payload.length === 0 ? "nothing" : `'${preview(payload.toString("utf8", 0, LENGTH * 4))}'`;
}

/** The beginning of a text, without what could disturb a terminal. */
export function preview(text: string): string {
  const visible = text.replace(/\p{C}/gu, "\ufffd");
  return visible.length <= LENGTH ? visible : `${visible.slice(0, LENGTH)}…`;
}
