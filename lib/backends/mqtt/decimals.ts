// Numbers as text in bytes, without making strings where possible: an event each.

/** Below that, the multiplication by a million is exact enough to decide on the last digit, and there are three before the point. */
const MAX_QUICK = 999;
/** How near to the middle between two texts the product may be in doubt; its error is a tenth of that. */
const DOUBT = 1e-6;
const [ZERO, NINE, POINT, MINUS] = [0x30, 0x39, 0x2e, 0x2d];

/** The most that {@link writeFixed} writes, in bytes. */
export const MAX_FIXED = 32;

/**
 * Writes what `value.toFixed(6)` returns.
 *
 * @param at where it begins; {@link MAX_FIXED} bytes have to be there
 * @returns where it ends
 */
export function writeFixed(bytes: Uint8Array, at: number, value: number): number {
  const size = value < 0 ? -value : value;
  const exact = size * 1e6;
  const lower = Math.floor(exact);
  const doubt = exact - lower - 0.5;
  if (!(size < MAX_QUICK) || (doubt > -DOUBT && doubt < DOUBT)) return writeText(bytes, at, value.toFixed(6));
  let rest = doubt > 0 ? lower + 1 : lower;
  let end = at;
  if (value < 0) bytes[end++] = MINUS;
  let whole = Math.floor(rest / 1e6);
  rest -= whole * 1e6;
  end += whole >= 100 ? 3 : whole >= 10 ? 2 : 1;
  let place = end;
  do {
    const tens = (whole / 10) | 0;
    bytes[--place] = ZERO + whole - tens * 10;
    whole = tens;
  } while (whole > 0);
  bytes[end] = POINT;
  for (place = end + 6; place > end; place--) {
    const tens = (rest / 10) | 0;
    bytes[place] = ZERO + rest - tens * 10;
    rest = tens;
  }
  return end + 7;
}

function writeText(bytes: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  return at + text.length;
}

/** Powers of ten that a double has exactly; so is the quotient of a whole number below 2^53 and one of them. */
const POWERS = Array.from({ length: 16 }, (_, i) => 10 ** i);

/**
 * The number from `start` to `end`, if all of that is digits with at most one point between or before them, as `0.5` or `12`.
 *
 * @returns NaN for anything else, which may be a number all the same
 */
export function readDecimal(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > POWERS.length || end === start) return Number.NaN;
  let digits = 0;
  let point = -1;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (byte >= ZERO && byte <= NINE) digits = digits * 10 + (byte - ZERO);
    else if (byte === POINT && point < 0 && i < end - 1) point = i;
    else return Number.NaN;
  }
  // Sixteen digits may be beyond 2^53.
  if (point < 0) return end - start < POWERS.length ? digits : Number.NaN;
  return digits / (POWERS[end - point - 1] as number);
}
