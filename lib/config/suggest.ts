import { distance } from "fastest-levenshtein";

/** Suggestions for longer names are of no use, and the comparison takes time proportional to the product of the lengths. */
const MAX_LENGTH = 1000;

/**
 * The candidate that was probably meant, or undefined if none is close. Up to a third of the characters may differ; a
 * difference in case counts less than a different character.
 */
export function nearest(found: string, candidates: Iterable<string>): string | undefined {
  if (found.length > MAX_LENGTH) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(found.length / 3)) + 1;
  for (const candidate of candidates) {
    // A one-character name is only close to itself in another case.
    if (Math.min(candidate.length, found.length) < 2 && candidate.toLowerCase() !== found.toLowerCase()) continue;
    if (Math.abs(candidate.length - found.length) >= bestDistance) continue;
    const near = difference(found.toLowerCase(), candidate.toLowerCase());
    if (candidate !== found && near < bestDistance) {
      best = candidate;
      bestDistance = near;
    }
  }
  return best;
}

function difference(found: string, candidate: string): number {
  if (found === candidate) return 0.5;
  return isSwapped(found, candidate) ? 1 : distance(found, candidate);
}

/** Whether two neighbouring characters have been swapped. */
function isSwapped(found: string, candidate: string): boolean {
  if (found.length !== candidate.length) return false;
  let i = 0;
  while (i < found.length && found[i] === candidate[i]) ++i;
  return (
    found[i] === candidate[i + 1] && found[i + 1] === candidate[i] && found.slice(i + 2) === candidate.slice(i + 2)
  );
}

/** Help lines for an unknown name: the closest candidate, or a few of those available after the words `what`. */
export function didYouMean(found: string, candidates: Iterable<string>, what: string): string[] {
  const known = [...candidates];
  const best = nearest(found, known);
  if (best !== undefined) return [`did you mean '${best}'?`];
  if (known.length === 0) return [];
  const few = 8;
  const shown = known.slice(0, few).join(", ");
  return [`${what}: ${shown}${known.length > few ? `, and ${known.length - few} more` : ""}`];
}
