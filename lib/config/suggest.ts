import { distance } from "fastest-levenshtein";

/** Of longer names nobody wants to hear, and comparing them takes time by the product of their lengths. */
const LONGEST = 1000;

/**
 * The candidate that was probably meant, or undefined if none is near. A third of the letters may differ, and a different
 * case is nearer than any other letter.
 */
export function nearest(found: string, candidates: Iterable<string>): string | undefined {
  if (found.length > LONGEST) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(found.length / 3)) + 1;
  for (const candidate of candidates) {
    // Of two letters at least one is to be right.
    if (Math.min(candidate.length, found.length) < 2 && candidate.toLowerCase() !== found.toLowerCase()) continue;
    if (Math.abs(candidate.length - found.length) >= bestDistance) continue;
    const near =
      candidate.toLowerCase() === found.toLowerCase() ? 0.5 : distance(found.toLowerCase(), candidate.toLowerCase());
    if (candidate !== found && near < bestDistance) {
      best = candidate;
      bestDistance = near;
    }
  }
  return best;
}

/** Help lines for a name that was not found: the nearest one, or a few of those there are. */
export function didYouMean(found: string, candidates: Iterable<string>, what: string): string[] {
  const known = [...candidates];
  const best = nearest(found, known);
  if (best !== undefined) return [`did you mean '${best}'?`];
  if (known.length === 0) return [];
  const few = 8;
  const shown = known.slice(0, few).join(", ");
  return [`${what}: ${shown}${known.length > few ? `, and ${known.length - few} more` : ""}`];
}
