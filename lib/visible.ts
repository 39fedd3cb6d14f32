// Control characters in texts of others: names, messages of Python code, paths. They could disturb or deceive a terminal, and
// end a journal's entry.

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this finds
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: likewise
const ANY_CONTROL = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/g;

/** Escapes all control characters except for newlines and tabs: `\x1b`. */
export function visible(text: string): string {
  return text.replace(CONTROL, (character) => `\\x${hex(character, 2)}`);
}

/** The same for JSON, in which characters up to U+001F are escaped already. */
export function visibleInJson(json: string): string {
  return json.replace(/[\x7f-\x9f]/g, (character) => `\\u${hex(character, 4)}`);
}

/** Replaces control characters, also newlines, by something as wide as one character. */
export function inOneLine(text: string): string {
  return text.replace(ANY_CONTROL, "\ufffd");
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, "0");
}
