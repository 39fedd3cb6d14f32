import type { Choices } from "./choices.js";
import { channelsOf, type Instance, isPython, type Piece, type Side } from "./scenario.js";

const digits = ["1", "2", "3", "4", "5", "6"];
const suffixes = ["x", "yy"];

export const handlerNames = ["h", "go"].flatMap((letter) => digits.map((digit) => letter + digit));
export const plainNames = channelsOf({
  instance: "",
  pieces: [["o", "out_"], digits, suffixes].map((items) => ({ text: "", items })),
});

/** Where a name's parts come from. */
type Slot = readonly string[];

const MAX_CHANNELS = 12;

/**
 * One side of a mapping.
 *
 * @param size how many channels it stands for; default: any number
 */
export function chooseSide(choices: Choices, instance: Instance, size?: number): Side {
  const slots: Slot[] =
    isPython(instance) && choices.chance(65)
      ? [instance.modules.map(({ name }) => name), ["."], ["h", "go"], digits]
      : [["o", "out_"], digits, suffixes];
  const possible = sizes(slots).filter((row) => {
    const product = row.reduce((a, b) => a * b);
    return size === undefined ? product <= MAX_CHANNELS : product === size;
  });
  const row = choices.of(possible);
  return { instance: instance.name, pieces: slots.map((slot, i) => choosePiece(choices, slot, row[i] ?? 1)) };
}

/** All ways to give each slot a number of items. */
function sizes(slots: readonly Slot[]): number[][] {
  return slots.reduce<number[][]>(
    (rows, slot) => {
      const most = slot[0] === "." ? 1 : Math.max(2, slot.length);
      return rows.flatMap((row) => Array.from({ length: most }, (_, i) => [...row, i + 1]));
    },
    [[]],
  );
}

function choosePiece(choices: Choices, slot: Slot, size: number): Piece {
  if (slot === digits && choices.chance(60)) return chooseRange(choices, size);
  // An item may come twice in a list: then several channels are mapped to one.
  const items = choices.times(size, () => choices.of(slot));
  return { items, text: size === 1 ? (items[0] ?? "") : `{${items.join(",")}}` };
}

function chooseRange(choices: Choices, size: number): Piece {
  const first = choices.integer(0, digits.length - size);
  const items = digits.slice(first, first + size);
  if (choices.chance(50)) items.reverse();
  return { items, text: `{${items[0]}..${items.at(-1)}}` };
}
