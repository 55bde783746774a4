import { setImmediate } from "node:timers";

/** Milliseconds that the event loop may wait for a computation. */
const PATIENCE = 50;
let lastTurn = 0;

/**
 * Lets the event loop turn when it has not for a while. Computing on the CPU awaits only what is
 * there already, and signals, timers and requests would wait until all of it is done.
 */
export async function letEventsIn(): Promise<void> {
  if (performance.now() - lastTurn < PATIENCE) return;
  await new Promise<void>((resolve) => setImmediate(resolve));
  lastTurn = performance.now();
}
