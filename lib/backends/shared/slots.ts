// Channels of DMX universes: slots of 8 bits, and pairs of slots with 16 bits.
import type { ChannelForm, ParsedChannel } from "../declare.js";

/** Slots of a universe. */
export const SLOTS = 512;
/** The highest code of a slot, and of a pair. */
export const SLOT_MAX = 255;
export const PAIR_MAX = 65535;

/** A slot or a pair as one number, which is cheap to keep and to compare for tens of thousands of channels. */
export type SlotMeaning = number;

const STEP = 1024;

/** @param coarse from 0; @param fine from 0; absent: a single slot */
export function meaningOf(coarse: number, fine = -1): SlotMeaning {
  return coarse + (fine + 1) * STEP;
}

/** The slot, or the coarse one of a pair, from 0. */
export function coarseOf(meaning: SlotMeaning): number {
  return meaning % STEP;
}

/** The fine slot of a pair, from 0; -1 for a single slot. */
export function fineOf(meaning: SlotMeaning): number {
  return Math.floor(meaning / STEP) - 1;
}

export function nameOf(meaning: SlotMeaning): string {
  const fine = fineOf(meaning);
  return fine < 0 ? `${meaning + 1}` : `${coarseOf(meaning) + 1}+${fine + 1}`;
}

export const SLOT_FORMS: readonly ChannelForm[] = [
  { form: "<1..512>", doc: "the level of a slot: 8 bits", example: "1" },
  { form: "<1..512>+<1..512>", doc: "two slots as one channel of 16 bits, the coarse one first", example: "1+2" },
  { form: "<1..256>w", doc: "the n-th pair of neighbouring slots: `1w` is `1+2`, `2w` is `3+4`", example: "2w" },
];

interface ValidSlot {
  readonly name: string;
  readonly meaning: SlotMeaning;
}

/** The names that nearly all channels have. */
const SINGLE: ReadonlyMap<string, ValidSlot> = new Map(
  Array.from({ length: SLOTS }, (_, slot) => [`${slot + 1}`, { name: `${slot + 1}`, meaning: meaningOf(slot) }]),
);

const HELP = ["channels are slots from 1 to 512, pairs of slots like 1+2, or 1w for the first pair of neighbours"];

export function parseSlot(written: string): ParsedChannel<SlotMeaning> {
  return SINGLE.get(written) ?? parseOther(written);
}

function parseOther(written: string): ParsedChannel<SlotMeaning> {
  // Leading zeros and a sign, as in MIDIMonster; but nothing after the number.
  const [, first, second] = /^\+?(\d+)(?:\+\+?(\d+))?$/.exec(written) ?? [];
  const [, pair] = /^(\d+)w$/.exec(written) ?? [];
  if (pair !== undefined) {
    const number = Number(pair);
    if (number >= 1 && number <= SLOTS / 2) return valid(2 * number - 2, 2 * number - 1);
    return { problem: `there is no pair ${pair} of neighbours: they are 1w to 256w`, help: HELP };
  }
  if (first === undefined) return { problem: `'${written}' is not a slot`, help: HELP };
  for (const slot of [first, second]) {
    if (slot !== undefined && (Number(slot) < 1 || Number(slot) > SLOTS)) {
      return { problem: `there is no slot ${slot}: they are 1 to 512`, help: HELP };
    }
  }
  if (second === undefined) return valid(Number(first) - 1);
  if (Number(first) === Number(second)) return { problem: "a pair has two different slots", help: HELP };
  return valid(Number(first) - 1, Number(second) - 1);
}

function valid(coarse: number, fine = -1): ValidSlot {
  const meaning = meaningOf(coarse, fine);
  return { name: nameOf(meaning), meaning };
}
