/** Assertions of golden cases in a page: takes the place of node:assert/strict. */

function fail(message: string | undefined, fact: string): never {
  throw new Error(message === undefined ? fact : `${message}: ${fact}`);
}

function shown(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 500) ?? String(value);
}

/** Tells whether two values are the same, or are made of the same ones. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Map) return isSame([...a], [...b as typeof a]);
  const [left, right] = [a, b].map((value) => Object.entries(value));
  const others = new Map(right);
  return left.length === right.length &&
    left.every(([key, value]) => others.has(key) && isSame(value, others.get(key)));
}

export default {
  ok(value: unknown, message?: string): void {
    if (!value) fail(message, `${shown(value)}, expected something true`);
  },
  equal(actual: unknown, expected: unknown, message?: string): void {
    if (!Object.is(actual, expected)) fail(message, `${shown(actual)}, not ${shown(expected)}`);
  },
  deepEqual(actual: unknown, expected: unknown, message?: string): void {
    if (!isSame(actual, expected)) fail(message, `${shown(actual)}, not ${shown(expected)}`);
  },
};
