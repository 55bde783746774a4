/** A thread of the WASM device: waits for launches and claims tasks. Never returns to its event loop. */
import { reportReady, threadData } from "../../platform/workers.ts";
import {
  CONTROL,
  CONTROL_WORDS,
  kernelTable,
  runTasks,
  SCRATCH,
  SCRATCH_BYTES,
  WORD,
} from "./layout.ts";

/** Data that the main thread gives a worker. */
export interface WorkerInit {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  thread: number;
  threads: number;
  spins: number;
}

const { module, memory, thread, threads, spins } = await threadData() as WorkerInit;
const instance = new WebAssembly.Instance(module, { env: { memory } });
const kernels = kernelTable(instance).map(([, kernel]) => kernel);
const control = new Int32Array(memory.buffer, CONTROL, CONTROL_WORDS);
const scratch = SCRATCH + thread * SCRATCH_BYTES;
let seen = Atomics.load(control, WORD.generation);
reportReady();
for (;;) {
  let left = spins;
  while (Atomics.load(control, WORD.generation) === seen) {
    if (left-- > 0) {
      Atomics.pause();
      continue;
    }
    Atomics.add(control, WORD.sleeping, 1);
    Atomics.wait(control, WORD.generation, seen);
    Atomics.sub(control, WORD.sleeping, 1);
  }
  seen = Atomics.load(control, WORD.generation);
  if (Atomics.load(control, WORD.stop)) break;
  Atomics.add(control, WORD.joined, 1);
  if (Atomics.load(control, WORD.open)) {
    try {
      runTasks(control, kernels[control[WORD.kernel]], scratch, thread, threads);
    } catch {
      Atomics.store(control, WORD.failed, 1);
    }
  }
  if (Atomics.sub(control, WORD.joined, 1) === 1) Atomics.notify(control, WORD.joined);
}
