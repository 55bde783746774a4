/** The parts of the global scope that pace polls. */
export interface Timers {
  /** The clock. */
  readonly performance: { now(): number };
  /** Calls back in the next turn of the event loop. */
  setImmediate(callback: (...args: unknown[]) => unknown, ...args: unknown[]): unknown;
  /** Calls back after so many milliseconds. */
  setTimeout(callback: () => unknown, milliseconds: number): unknown;
}

/** Polls of one wait that follow each other at once. */
const AT_ONCE = 8;
/** Part of the time waited so far after which Dawn polls again. */
const PART = 1 / 16;
/** Bounds of that, in milliseconds. */
const [LEAST, MOST] = [1, 10];

/**
 * Makes Dawn (npm `webgpu`) poll its GPU less often while it waits.
 *
 * While a promise of its own is pending, it polls in every turn of the event loop, by the global
 * `setImmediate`: tens of thousands of times in a second, each with a native function of its own. Deno
 * keeps the finalizers of such objects in a list that it searches from the end for each one that is
 * collected, so a collection takes time with their square: 5 s of processor time for 80,000, 75 s for
 * 320,000, which a read on SwiftShader comes to. Here the first polls follow at once, and the others after
 * 1 to 10 ms, a sixteenth of the time waited so far. Callbacks that are not native are called as before.
 */
export function paceDawnPolls(scope: Timers = globalThis as unknown as Timers): void {
  const { performance, setImmediate, setTimeout } = scope;
  /** True within a poll, which asks for the next one. */
  let polling = false;
  let polls = 0;
  let since = 0;

  const poll = (callback: () => unknown) => {
    polling = true;
    try {
      return callback();
    } finally {
      polling = false;
    }
  };
  const paced: Timers["setImmediate"] = (callback, ...args) => {
    if (!isDawns(callback)) return setImmediate(callback, ...args);
    if (!polling) [polls, since] = [0, performance.now()];
    if (polls++ < AT_ONCE) return setImmediate(() => poll(callback));
    const wait = Math.min(Math.max((performance.now() - since) * PART, LEAST), MOST);
    return setTimeout(() => poll(callback), wait);
  };
  // It also has a form that returns a promise, for node:util.
  scope.setImmediate = Object.defineProperties(
    paced,
    Object.getOwnPropertyDescriptors(setImmediate),
  );
}

/** Tells native functions without a name, as Dawn's are. */
function isDawns(callback: unknown): boolean {
  return typeof callback === "function" && callback.name === "" &&
    Function.prototype.toString.call(callback).endsWith("{ [native code] }");
}
