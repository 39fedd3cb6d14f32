import type { FilterDeclaration } from "./declare.js";
import { STATEFUL } from "./stateful.js";
import { STATELESS } from "./stateless.js";

/** All filters, in the order in which they are listed. */
export const FILTERS: readonly FilterDeclaration[] = [...STATELESS, ...STATEFUL];

const BY_NAME = new Map(FILTERS.map((declaration) => [declaration.name, declaration]));

export function filterNamed(name: string): FilterDeclaration | undefined {
  return BY_NAME.get(name);
}
