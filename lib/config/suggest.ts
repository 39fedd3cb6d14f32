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
    const near = differenceOf(found.toLowerCase(), candidate.toLowerCase());
    if (candidate !== found && near < bestDistance) {
      best = candidate;
      bestDistance = near;
    }
  }
  return best;
}

function differenceOf(found: string, candidate: string): number {
  if (found === candidate) return 0.5; // another case
  return isTransposed(found, candidate) ? 1 : distance(found, candidate);
}

/** Whether the only difference are two characters in the wrong order, the most common typing error. */
function isTransposed(found: string, candidate: string): boolean {
  if (found.length !== candidate.length) return false;
  let at = 0;
  while (found[at] === candidate[at]) ++at;
  return (
    found[at] === candidate[at + 1] &&
    found[at + 1] === candidate[at] &&
    found.slice(at + 2) === candidate.slice(at + 2)
  );
}

/**
 * Help lines for an unknown name: the closest candidate, or some of those available after the words `what`.
 *
 * @param max how many of those at most
 */
export function didYouMean(found: string, candidates: Iterable<string>, what: string, max = 8): string[] {
  const known = [...candidates];
  const best = nearest(found, known);
  if (best !== undefined) return [`did you mean '${best}'?`];
  if (known.length === 0) return [];
  const shown = known.slice(0, max).join(", ");
  return [`${what}: ${shown}${known.length > max ? `, and ${known.length - max} more` : ""}`];
}
