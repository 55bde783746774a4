/** Waits for so many milliseconds. @throws the reason of the signal when it aborts meanwhile */
export async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  const onAbort = () => reject(signal!.reason);
  signal?.addEventListener("abort", onAbort);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Tells whether a promise is still pending after so many milliseconds; a failed one is not. */
export async function isPendingAfter(
  milliseconds: number,
  promise: Promise<unknown>,
): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(true), milliseconds);
  try {
    return await Promise.race([promise.then(() => false, () => false), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The event loop waits no longer for a computation, in milliseconds. A turn takes 1 to 2. */
const MAX_WAIT_MS = 200;
let lastTurn = 0;

/**
 * Lets the event loop turn when it has not for a while. Computing on the CPU awaits only what is
 * there already, and signals, timers and requests would wait until all of it is done.
 *
 * It is a timer that is awaited, because Deno then asks the system for events; with `setImmediate` it
 * does so in one of 61 turns only.
 */
export async function yieldToEventLoop(): Promise<void> {
  if (performance.now() - lastTurn < MAX_WAIT_MS) return;
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
  lastTurn = performance.now();
}
