import { counted } from "../../counted.ts";
import { assetUrl, readAsset } from "../../../assets.ts";
import { OutOfMemoryError } from "../../errors.ts";
import { yieldToEventLoop } from "../../event_loop.ts";
import { mayBlock, startThread, type Thread } from "../../platform/workers.ts";
import { Arena } from "../arena.ts";
import type {
  DeviceBuffer,
  MemoryUse,
  RepeatableStep,
  Signature,
  Span,
  SteppedMemory,
  TaskDevice,
} from "../device.ts";
import type { KernelTimes } from "../profile.ts";
import { putInOrder } from "../signature.ts";
import {
  ARGS,
  CONTROL,
  CONTROL_WORDS,
  kernelTable,
  MAX_THREADS,
  offerTasks,
  runTasks,
  SCRATCH,
  SCRATCH_BYTES,
  WORD,
} from "./layout.ts";
import { type DeviceKernel, StepRecorder } from "./step_recorder.ts";
import type { WorkerInit } from "./worker.ts";

const PAGE = 65536;
/** Pages of 4 GiB, the limit of 32-bit WASM. */
const MAX_PAGES = 65536;
/** Spins before a thread sleeps: a fork-join costs 1 µs while spinning, 6 µs asleep. */
const SPINS = 20_000;

interface WasmBuffer extends DeviceBuffer {
  readonly address: number;
}

/** Options of {@linkcode WasmDevice.create}. */
export interface WasmDeviceOptions {
  /**
   * Threads, the main one included. Default: one per core; 1 where workers cannot share memory, and in
   * a page itself, which may not wait for them.
   */
  threads?: number;
  /** Upper bound of the memory in bytes. Default and most: 4 GiB, the limit of 32-bit WASM. */
  maxBytes?: number;
  /** The process was started in turbo mode: see lib/device/turbo.ts. Default false. */
  wideVectors?: boolean;
  /** Receives the wall time of each launch. */
  times?: KernelTimes;
}

/** Kernels in WebAssembly SIMD on shared memory, tasks claimed by a pool of workers. */
export class WasmDevice implements TaskDevice {
  /** Tells the implementations apart. */
  readonly kind = "wasm";
  /** Kernels see all of the memory. */
  readonly maxBindingBytes: number = Infinity;
  /** A read is a copy: the host may look after every step. */
  readonly stepsPerRead: number = 1;
  /** Reads wait for the kernels, and for nothing else. */
  readonly readsLate = false;
  readonly wideVectors: boolean;
  /** Threads that run tasks, the main one included. */
  readonly threads: number;
  readonly #memory: WebAssembly.Memory;
  readonly #maxBytes: number;
  readonly #arena: Arena;
  readonly #kernels = new Map<string, DeviceKernel>();
  readonly #control: Int32Array;
  readonly #argInts: Int32Array;
  readonly #argFloats: Float32Array;
  /** Arguments of a launch, in order. */
  readonly #values: unknown[] = [];
  readonly #workers: Thread[] = [];
  readonly #times: KernelTimes | null;
  #bytes: Uint8Array;
  /** Set while a step is recorded. */
  #recorder: StepRecorder | null = null;

  /** Loads the kernels and starts the workers. */
  static async create(options: WasmDeviceOptions = {}): Promise<WasmDevice> {
    const module = await WebAssembly.compile(await readAsset("lib/device/wasm/kernels.wasm"));
    const device = new WasmDevice(module, options);
    await device.#startWorkers(module);
    return device;
  }

  private constructor(module: WebAssembly.Module, options: WasmDeviceOptions) {
    const canShare = typeof SharedArrayBuffer !== "undefined" && mayBlock();
    const cores = navigator.hardwareConcurrency || 1;
    this.threads = canShare ? Math.max(1, Math.min(MAX_THREADS, options.threads ?? cores)) : 1;
    this.#times = options.times ?? null;
    this.wideVectors = options.wideVectors ?? false;
    const base = SCRATCH + this.threads * SCRATCH_BYTES;
    const { memory, maximum } = createMemory(base / PAGE);
    this.#memory = memory;
    this.#maxBytes = Math.min(options.maxBytes ?? Infinity, maximum * PAGE);
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#arena = new Arena(base, (end) => this.#grow(end));
    this.#control = new Int32Array(this.#memory.buffer, CONTROL, CONTROL_WORDS);
    this.#argInts = new Int32Array(this.#memory.buffer, ARGS, 256);
    this.#argFloats = new Float32Array(this.#memory.buffer, ARGS, 256);
    const instance = new WebAssembly.Instance(module, { env: { memory: this.#memory } });
    kernelTable(instance).forEach(([name, run], index) => {
      this.#kernels.set(name, { name, index, run });
    });
  }

  /** One line for a person: the instruction set and the threads. */
  get description(): string {
    const threads = counted(this.threads, "thread");
    return `WebAssembly SIMD, ${threads}${this.wideVectors ? ", turbo" : ""}`;
  }

  /** Memory that is reserved. */
  get memory(): Readonly<MemoryUse> {
    return { used: this.#arena.used, peak: this.#arena.peak };
  }

  /** The most bytes that there may be. */
  get memoryLimit(): number {
    return this.#maxBytes;
  }

  /** Reserves memory, 256-byte aligned, contents undefined. */
  alloc(byteLength: number): DeviceBuffer {
    const buffer: WasmBuffer = { byteLength, address: this.#arena.alloc(byteLength) };
    this.#recorder?.allocated(buffer);
    return buffer;
  }

  /** Reserves several pieces of memory, each by itself: a kernel takes any addresses. */
  allocTogether(byteLengths: readonly number[]): DeviceBuffer[] {
    return byteLengths.map((byteLength) => this.alloc(byteLength));
  }

  /** Gives memory back. */
  free(buffer: DeviceBuffer): void {
    const { address } = buffer as WasmBuffer;
    this.#arena.free(address);
    this.#recorder?.freed(address);
  }

  /** Copies host data to the device. */
  write(span: Span, data: ArrayBufferView): void {
    const source = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#check(span, source.length);
    this.#recorder?.copied();
    this.#bytes.set(source, this.#address(span));
  }

  /** Copies device memory to the host. */
  async read(span: Span, byteLength: number): Promise<Uint8Array<ArrayBuffer>> {
    this.#check(span, byteLength);
    this.#recorder?.copied();
    const copy = new Uint8Array(byteLength);
    const address = this.#address(span);
    copy.set(this.#bytes.subarray(address, address + byteLength));
    await yieldToEventLoop();
    return copy;
  }

  /** Runs a kernel's tasks on all threads; returns when they are done. */
  run<T extends object>(kernel: Signature<object, T>, tasks: number, args: NoInfer<T>): void {
    const start = this.#times ? performance.now() : 0;
    const found = this.#kernels.get(kernel.name);
    if (!found) throw new Error(`no WASM kernel is called "${kernel.name}"`);
    this.#putArguments(kernel, args);
    const { spans, taskOrder } = kernel;
    this.#recorder?.launched(found, tasks, this.#argInts.slice(0, taskOrder.length), spans.length);
    this.#launch(found, tasks);
    this.#times?.add(kernel.name, (performance.now() - start) / 1000);
  }

  record(
    step: number,
    stepped: readonly SteppedMemory[],
    launch: () => void,
  ): RepeatableStep | null {
    if (this.#recorder) throw new Error("a step is being recorded already");
    const places = stepped.map((memory) => ({ ...memory, address: this.#address(memory) }));
    const recorder = new StepRecorder(step, places);
    this.#recorder = recorder;
    try {
      launch();
    } finally {
      this.#recorder = null;
    }
    const recorded = recorder.finish();
    if (!recorded) return null;
    const { memory, launches, moveTo } = recorded;
    // What the step used and freed: nobody else may have it while it can be repeated.
    for (const { address, byteLength } of memory) this.#arena.claim(address, byteLength);
    return {
      repeat: (step) => {
        moveTo(step);
        for (const { kernel, tasks, args } of launches) {
          const start = this.#times ? performance.now() : 0;
          this.#argInts.set(args);
          this.#launch(kernel, tasks);
          this.#times?.add(kernel.name, (performance.now() - start) / 1000);
        }
      },
      release: () => {
        for (const { address } of memory.splice(0)) this.#arena.free(address);
      },
    };
  }

  /** Writes the arguments of a launch to where kernels read them. */
  #putArguments({ spans, taskInts, taskOrder }: Signature, args: object): void {
    const values = this.#values;
    putInOrder(taskOrder, args, values);
    const argInts = this.#argInts;
    const argFloats = this.#argFloats;
    const floats = spans.length + taskInts.length;
    for (let i = 0; i < spans.length; i++) {
      const span = values[i] as Span | null;
      argInts[i] = span ? this.#address(span) : 0;
    }
    for (let i = spans.length; i < floats; i++) argInts[i] = Number(values[i]);
    for (let i = floats; i < taskOrder.length; i++) argFloats[i] = values[i] as number;
  }

  /** Runs a kernel whose arguments are in their place. */
  #launch({ name, index, run }: DeviceKernel, tasks: number): void {
    if (tasks <= 1 || this.#workers.length === 0) {
      for (let task = 0; task < tasks; task++) run(ARGS, task, SCRATCH);
      return;
    }
    const control = this.#control;
    control[WORD.kernel] = index;
    offerTasks(control, tasks, this.threads);
    Atomics.store(control, WORD.open, 1);
    Atomics.add(control, WORD.generation, 1);
    if (Atomics.load(control, WORD.sleeping) > 0) Atomics.notify(control, WORD.generation);
    let cause: unknown = null;
    try {
      runTasks(control, run, SCRATCH, 0, this.threads);
    } catch (error) {
      cause = error;
      Atomics.store(control, WORD.failed, 1);
    }
    // Only workers that joined are waited for, also after a trap, as they read the arguments: one that
    // the system runs elsewhere costs nothing.
    Atomics.store(control, WORD.open, 0);
    let spins = SPINS;
    for (;;) {
      const joined = Atomics.load(control, WORD.joined);
      if (joined === 0) break;
      if (spins-- > 0) Atomics.pause();
      else Atomics.wait(control, WORD.joined, joined);
    }
    if (Atomics.exchange(control, WORD.failed, 0)) {
      throw new Error(`kernel "${name}" trapped`, { cause });
    }
  }

  /** Stops the workers. */
  close(): void {
    Atomics.store(this.#control, WORD.stop, 1);
    Atomics.add(this.#control, WORD.generation, 1);
    Atomics.notify(this.#control, WORD.generation);
    for (const worker of this.#workers) worker.terminate();
    this.#workers.length = 0;
  }

  async #startWorkers(module: WebAssembly.Module): Promise<void> {
    const ready: Promise<void>[] = [];
    for (let thread = 1; thread < this.threads; thread++) {
      const init: WorkerInit = {
        module,
        memory: this.#memory,
        thread,
        threads: this.threads,
        spins: SPINS,
      };
      const worker = startThread(assetUrl("lib/device/wasm/worker.ts"), init);
      ready.push(worker.ready);
      this.#workers.push(worker);
    }
    await Promise.all(ready);
    for (const worker of this.#workers) worker.unref();
  }

  #address(span: Span): number {
    return (span.buffer as WasmBuffer).address + span.byteOffset;
  }

  #check(span: Span, byteLength: number): void {
    if (span.byteOffset < 0 || span.byteOffset + byteLength > span.buffer.byteLength) {
      throw new RangeError(
        `${byteLength} bytes at ${span.byteOffset} of a buffer of ${span.buffer.byteLength}`,
      );
    }
  }

  #grow(end: number): void {
    const have = this.#memory.buffer.byteLength;
    if (end <= have) return;
    const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
    const fail = (why: string, available: number | null) =>
      new OutOfMemoryError(`out of memory on the WASM device: ${mib(end)} needed, ${why}`, {
        needed: end,
        available,
      });
    if (end > this.#maxBytes) throw fail(`the limit is ${mib(this.#maxBytes)}`, this.#maxBytes);
    // In steps of a sixteenth, so that growing is rare.
    const target = Math.min(this.#maxBytes, Math.max(end, have + have / 16));
    const pages = Math.ceil((target - have) / PAGE);
    try {
      this.#memory.grow(pages);
    } catch {
      throw fail("the system has no more", null);
    }
    this.#bytes = new Uint8Array(this.#memory.buffer);
  }
}

/**
 * Makes shared memory that can grow to 4 GiB, or to less where the system does not have so many
 * addresses for it, as on phones.
 *
 * @param initial pages at first
 */
function createMemory(initial: number): { memory: WebAssembly.Memory; maximum: number } {
  for (let maximum = MAX_PAGES;; maximum /= 2) {
    try {
      const memory = new WebAssembly.Memory({ initial, maximum, shared: true });
      return { memory, maximum };
    } catch (error) {
      if (!(error instanceof RangeError) || maximum / 2 < initial) throw error;
    }
  }
}
