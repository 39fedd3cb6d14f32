/**
 * The code of a value in a protocol with so many steps: 255 for DMX, 127 for MIDI. Truncated as in MIDIMonster; the addend makes
 * every code that has been a value in between - also as a 32-bit float, or in six decimals - come out as the same code.
 *
 * @param value 0..1
 */
export function code(value: number, steps: number): number {
  return Math.trunc((value + 6e-7) * steps);
}
