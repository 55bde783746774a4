import { blockSize } from "../arena.ts";
import type { SteppedMemory } from "../device.ts";
import type { KernelFunction } from "./layout.ts";

/** Kernel of the device. */
export interface DeviceKernel {
  readonly name: string;
  /** Place in the table that all threads have. */
  readonly index: number;
  readonly run: KernelFunction;
}

/** Some bytes of the device's memory. */
interface Region {
  readonly address: number;
  readonly byteLength: number;
}

/** Launch with its arguments as 32-bit words. */
interface RecordedLaunch {
  readonly kernel: DeviceKernel;
  readonly tasks: number;
  readonly args: Int32Array;
}

/** Argument that is an address in stepped memory. */
interface SteppedArgument {
  readonly args: Int32Array;
  readonly index: number;
  /** Its value at step 0. */
  readonly first: number;
  /** Its distance from step to step. */
  readonly stepBytes: number;
}

/** Launches of a step, and what they need. */
interface RecordedStep {
  readonly launches: readonly RecordedLaunch[];
  /** Memory that the step took and freed. */
  readonly memory: Region[];
  /** Moves the arguments to another step's parts of the stepped memory. */
  moveTo(step: number): void;
}

/** Record of the launches of a step and the memory that it takes, for `WasmDevice.record`. */
export class StepRecorder {
  readonly #launches: RecordedLaunch[] = [];
  readonly #arguments: SteppedArgument[] = [];
  /** By address: what the step took and has not freed. */
  readonly #taken = new Map<number, Region>();
  readonly #freed: Region[] = [];
  #canRepeat = true;

  /** Begins to record. */
  constructor(
    private readonly step: number,
    private readonly stepped: readonly (SteppedMemory & { readonly address: number })[],
  ) {}

  /** Called after a block was taken. */
  allocated(block: Region): void {
    this.#taken.set(block.address, block);
  }

  /** Called after a block was freed. */
  freed(address: number): void {
    const block = this.#taken.get(address);
    if (block) this.#freed.push(block);
    else this.#canRepeat = false;
    this.#taken.delete(address);
  }

  /** Called for a copy from or to the host, which cannot be repeated. */
  copied(): void {
    this.#canRepeat = false;
  }

  /**
   * Called for a launch.
   *
   * @param args its arguments as words, the addresses first
   * @param spans number of addresses
   */
  launched(kernel: DeviceKernel, tasks: number, args: Int32Array, spans: number): void {
    for (let index = 0; index < spans; index++) {
      const address = args[index] >>> 0;
      for (const { address: begin, stepBytes, steps } of this.stepped) {
        if (address < begin || address >= begin + steps * stepBytes) continue;
        this.#arguments.push({ args, index, first: address - this.step * stepBytes, stepBytes });
      }
    }
    this.#launches.push({ kernel, tasks, args });
  }

  /** Returns the record; null where the step cannot be repeated. */
  finish(): RecordedStep | null {
    // Memory that the step kept may be some that it had freed: a launch made again would write there.
    if (!this.#canRepeat || this.#taken.size > 0) return null;
    const steppedArguments = this.#arguments;
    return {
      launches: this.#launches,
      memory: merged(this.#freed),
      moveTo(step) {
        for (const { args, index, first, stepBytes } of steppedArguments) {
          args[index] = first + step * stepBytes;
        }
      },
    };
  }
}

/** Regions without overlaps that cover the same bytes, in blocks as the arena hands them out. */
function merged(regions: readonly Region[]): Region[] {
  const result: Region[] = [];
  let [begin, end] = [0, 0];
  const close = () => {
    if (end > begin) result.push({ address: begin, byteLength: end - begin });
  };
  for (const { address, byteLength } of [...regions].sort((a, b) => a.address - b.address)) {
    const after = address + blockSize(byteLength);
    if (address > end) {
      close();
      begin = address;
    }
    end = Math.max(end, after);
  }
  close();
  return result;
}
