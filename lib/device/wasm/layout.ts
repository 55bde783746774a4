/**
 * The shared memory's first pages and the protocol between the main thread and the workers.
 * Page 0 is left to the compiler's static data.
 */

/** Control words start here (byte address). */
export const CONTROL = 65536;
/** Arguments of the kernel being run (byte address). */
export const ARGS = CONTROL + 1024;
/** Scratch memory of thread t starts at SCRATCH + t * SCRATCH_BYTES. */
export const SCRATCH = 131072;
/** Mirrored in kernels/abi.wasm.ts. */
export const SCRATCH_BYTES = 1 << 20;

/** Index of each control word, counted in 32-bit words from CONTROL; 64 bytes apart. */
export const WORD = {
  /** Counts launches; a worker waits for it to change. */
  generation: 0,
  /** Which kernel: index into the sorted export names. */
  kernel: 16,
  tasks: 17,
  /** The next task to be claimed. */
  next: 32,
  /** Workers that are looking at the launch. What describes it changes only while there are none. */
  joined: 48,
  /** Workers asleep in Atomics.wait, to be notified. */
  sleeping: 64,
  stop: 80,
  /** Set by a worker whose kernel trapped. */
  failed: 96,
  /** Whether a launch is to be worked on: a worker joins, then looks at this. */
  open: 112,
} as const;

/** What a kernel looks like from JavaScript. */
export type KernelFunction = (args: number, task: number, scratch: number) => void;

/** Kernel functions in an order that every thread agrees on. */
export function kernelTable(instance: WebAssembly.Instance): [string, KernelFunction][] {
  return Object.entries(instance.exports)
    .filter(([, value]) => typeof value === "function")
    .sort(([a], [b]) => a < b ? -1 : 1) as [string, KernelFunction][];
}

/** Claims and runs tasks until none is left. */
export function runTasks(control: Int32Array, kernel: KernelFunction, scratch: number): void {
  const tasks = control[WORD.tasks];
  for (;;) {
    const task = Atomics.add(control, WORD.next, 1);
    if (task >= tasks) return;
    kernel(ARGS, task, scratch);
  }
}
