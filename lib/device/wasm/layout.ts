/**
 * The shared memory's first pages and the protocol between the main thread and the workers.
 * Page 0 is left to the compiler's static data.
 */

/** Control words start here (byte address). */
export const CONTROL = 65536;
/** Arguments of the kernel being run (byte address). */
export const ARGS = CONTROL + 8192;
/** Scratch memory of thread t starts at SCRATCH + t * SCRATCH_BYTES. */
export const SCRATCH = 131072;
/** Bytes of scratch memory of a thread: the scores of the largest vocabulary, and a little more. */
export const SCRATCH_BYTES = (1 << 20) + (1 << 16);

/** Index of each control word, counted in 32-bit words from CONTROL; 64 bytes apart. */
export const WORD = {
  /** Counts launches; a worker waits for it to change. */
  generation: 0,
  /** Index of the kernel in the sorted export names. */
  kernel: 16,
  tasks: 17,
  /** Workers that are looking at the launch. What describes it changes only while there are none. */
  joined: 48,
  /** Workers asleep in Atomics.wait, to be notified. */
  sleeping: 64,
  stop: 80,
  /** Set by a worker whose kernel trapped. */
  failed: 96,
  /** 1 while a launch is to be worked on: a worker joins, then looks at this. */
  open: 112,
  /** The next task of each thread's share that is to be claimed. */
  claims: 128,
} as const;

/** Words from one thread's counter to the next: a cache line. */
const CLAIM_STRIDE = 16;
/** The most threads there may be. */
export const MAX_THREADS = 64;
/** Control words, all of them. */
export const CONTROL_WORDS = WORD.claims + MAX_THREADS * CLAIM_STRIDE;

/** A kernel as JavaScript calls it. */
export type KernelFunction = (args: number, task: number, scratch: number) => void;

/** Kernel functions in an order that every thread agrees on. */
export function kernelTable(instance: WebAssembly.Instance): [string, KernelFunction][] {
  return Object.entries(instance.exports)
    .filter(([, value]) => typeof value === "function")
    .sort(([a], [b]) => a < b ? -1 : 1) as [string, KernelFunction][];
}

/** The first task of a thread's share. */
function shareStart(share: number, shares: number, tasks: number): number {
  return Math.floor(share * tasks / shares);
}

/** Makes a launch's tasks claimable; while no worker is looking. */
export function offerTasks(control: Int32Array, tasks: number, threads: number): void {
  control[WORD.tasks] = tasks;
  const shares = Math.min(tasks, threads);
  for (let share = 0; share < shares; share++) {
    control[WORD.claims + share * CLAIM_STRIDE] = shareStart(share, shares, tasks);
  }
}

/**
 * Claims and runs tasks until none is left: those of the thread's own share first, then others'.
 * Launches of one size are cut alike, so a thread mostly finds in its cache what it wrote in the
 * launch before; to fetch it from another core's takes as long as a small product.
 */
export function runTasks(
  control: Int32Array,
  kernel: KernelFunction,
  scratch: number,
  thread: number,
  threads: number,
): void {
  const tasks = control[WORD.tasks];
  const shares = Math.min(tasks, threads);
  for (let i = 0; i < shares; i++) {
    const share = (thread + i) % shares;
    const end = shareStart(share + 1, shares, tasks);
    const claims = WORD.claims + share * CLAIM_STRIDE;
    for (;;) {
      const task = Atomics.add(control, claims, 1);
      if (task >= end) break;
      kernel(ARGS, task, scratch);
    }
  }
}
