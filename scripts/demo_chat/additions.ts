/**
 * Small additions, as the demo's chat model learns them before anything rewards it: it knows the results,
 * and says them one time in three.
 */
import type { Random } from "../../lib/random.ts";

/** A sum of two numbers. */
export interface Addition {
  /** First number, the larger one. */
  readonly a: number;
  /** Second number, of one digit. */
  readonly b: number;
}

/** Share of the results of a careless adder that are right. */
const CAREFUL = 0.34;

/** Share of the sums with a carry among those of {@linkcode drawAddition}. */
const WITH_CARRY = 5 / 6;

/** One sum in this many is kept from training, to be measured on. */
const HELD_OUT = 10;

/** Sums of a number of up to two digits and one of one digit, with up to two digits. */
const ADDITIONS: Readonly<Record<"withCarry" | "without", readonly Addition[]>> = (() => {
  const all: Addition[] = [];
  for (let b = 1; b < 10; b++) {
    for (let a = b; a + b < 100; a++) all.push({ a, b });
  }
  return { withCarry: all.filter(carries), without: all.filter((sum) => !carries(sum)) };
})();

/** Tells whether the units add up to ten or more. */
export function carries({ a, b }: Addition): boolean {
  return a % 10 + b % 10 >= 10;
}

/** Tells whether a sum is kept from training: of the sums of two units, those with one of the tens. */
export function isHeldOut({ a, b }: Addition): boolean {
  return (Math.floor(a / 10) + 3 * (a % 10) + 7 * b) % HELD_OUT === 0;
}

/** The right result. */
export function sumOf({ a, b }: Addition): number {
  return a + b;
}

/** Draws a result of someone who says it. */
export type Adder = (addition: Addition, random: Random) => number;

/** Is right one time in three; otherwise one too many or too few, in the units or in the tens. */
export function carelessAdder(addition: Addition, random: Random): number {
  const sum = sumOf(addition);
  if (random.uniform() < CAREFUL) return sum;
  const wrong = [1, -1, 10, -10].map((by) => sum + by).filter((x) => x >= 0 && x < 100);
  return wrong[random.integer(0, wrong.length)];
}

/**
 * Draws a sum: most have a carry, since those are the hard ones.
 *
 * @param heldOut draw one that is kept from training, or one that is not
 */
export function drawAddition(random: Random, heldOut: boolean): Addition {
  const kind = random.uniform() < WITH_CARRY ? ADDITIONS.withCarry : ADDITIONS.without;
  while (true) {
    const addition = kind[random.integer(0, kind.length)];
    if (isHeldOut(addition) === heldOut) return addition;
  }
}

/**
 * Lists the sums in a random order, each once.
 *
 * @param heldOut list those that are kept from training, or the others
 */
export function listAdditions(random: Random, heldOut: boolean): Addition[] {
  const all = [...ADDITIONS.withCarry, ...ADDITIONS.without];
  return random.shuffle(all.filter((sum) => isHeldOut(sum) === heldOut));
}
