import type { Faker } from "@faker-js/faker";

/** What random values come from. */
export interface Draw {
  readonly faker: Faker;
  /** From 0 up to 1. */
  next(): number;
  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number;
  /** One of these, of which there has to be one. */
  pick<Value>(values: readonly [Value, ...Value[]] | readonly Value[]): Value;
  /** True so often. */
  chance(share: number): boolean;
  /** Begins the sequence that belongs to this text. */
  begin(text: string): void;
}

/**
 * Makes a source of random values. It is begun anew for each row, which with the library's own generator would cost
 * sixty times as much as a name.
 * @param now what the library's dates are relative to
 */
export async function createDraw(now: Date): Promise<Draw> {
  // The English words alone: all languages together take a second to load.
  const { faker: english } = await import("@faker-js/faker/locale/en");
  let state = 1;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const Maker = english.constructor as typeof Faker;
  const faker = new Maker({ locale: english.rawDefinitions, randomizer: { next, seed: () => {} } });
  faker.setDefaultRefDate(now);
  return {
    faker,
    next,
    whole: (least, most) => least + Math.floor(next() * (most - least + 1)),
    pick: <Value>(values: readonly Value[]) => values[Math.floor(next() * values.length)] as Value,
    chance: (share) => next() < share,
    begin: (text) => {
      state = hashOf(text);
    },
  };
}

/** FNV-1a, and then stirred so that texts that differ in their last letter begin far apart. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
