/**
 * The code of a value in a protocol whose highest code is `steps`: 255 for DMX, 127 for MIDI. Truncated as in MIDIMonster; the
 * addend makes every code that has been a value in between - also as a 32-bit float, or in six decimals - come out as the same code.
 *
 * @param value 0..1
 */
export function code(value: number, steps: number): number {
  return Math.trunc((value + 6e-7) * steps);
}

/** A whole number as C's strtol() takes it: decimal, hexadecimal after `0x`, octal after `0`. NaN for any other text. */
export function wholeNumber(text: string): number {
  const [, sign, digits = ""] = /^([+-]?)(0x[0-9a-f]+|\d+)$/i.exec(text) ?? [];
  const isOctal = /^0\d/.test(digits);
  const size = isOctal ? octal(digits) : digits === "" ? Number.NaN : Number(digits);
  return sign === "-" ? 0 - size : size;
}

function octal(digits: string): number {
  return /[89]/.test(digits) ? Number.NaN : Number.parseInt(digits, 8);
}
