import type {
  Binding,
  DeviceBuffer,
  GpuDevice,
  KernelRecipe,
  MemoryUse,
  Shader,
  Span,
} from "../lib/device/device.ts";

/** Work of the launches of a kernel. */
export interface KernelWork {
  /** `<file>.<entry point>` */
  readonly kernel: string;
  readonly dispatches: number;
  readonly workgroups: number;
  /** Bytes that the launches have to read, each once a launch. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** Numbers and spans of a launch, by name. */
interface LaunchArguments {
  readonly [name: string]: number | boolean | Binding | null;
}

/** Bytes that a launch reads and writes. */
interface Traffic {
  readonly read: number;
  readonly written: number;
}

/** Writes up to this size are kept: tables of rows, whose lengths tell how much an attention reads. */
const KEPT_BYTES = 1 << 16;

/** Value of every word that is read: as a token, none that ends a text. */
const TOKEN = 5;

/** Memory of a {@linkcode CountingDevice}: no more than what was written to it, where that is little. */
class CountedBuffer implements DeviceBuffer {
  words: Int32Array | null = null;

  constructor(readonly byteLength: number, readonly block: object) {}
}

/** A GPU that runs nothing and counts what it would run. Every word that is read from it is 5. */
export class CountingDevice implements GpuDevice {
  readonly kind = "webgpu";
  readonly description = "a GPU that only counts";
  readonly memory: MemoryUse = { used: 0, peak: 0 };
  readonly memoryLimit = null;
  readonly maxBindingBytes = 2 ** 31 - 256;
  readonly stepsPerRead = 8;
  readonly readsLate = false;
  readonly subgroupSize = null;
  usesSubgroups = false;
  readonly software = false;
  readonly tuning: Map<string, string> = new Map();
  /** Times that the host waited for results. */
  reads = 0;
  #pending = false;
  readonly #work = new Map<string, { -readonly [K in keyof KernelWork]: KernelWork[K] }>();

  /** Work since the last `clear`, the kernels in the order of their first launch. */
  work(): KernelWork[] {
    return [...this.#work.values()].map((work) => ({ ...work }));
  }

  /** Counts from zero. */
  clear(): void {
    this.#work.clear();
    this.reads = 0;
  }

  alloc(byteLength: number): DeviceBuffer {
    return new CountedBuffer(byteLength, {});
  }

  allocTogether(byteLengths: readonly number[]): DeviceBuffer[] {
    const block = {};
    return byteLengths.map((byteLength) => new CountedBuffer(byteLength, block));
  }

  free(): void {}

  write({ buffer, byteOffset }: Span, data: ArrayBufferView): void {
    const counted = buffer as CountedBuffer;
    if (data.byteLength > KEPT_BYTES || data.byteLength % 4 !== 0) return;
    const words = counted.words ??= new Int32Array(Math.ceil(counted.byteLength / 4));
    const bytes = data.byteLength / 4;
    words.set(new Int32Array(data.buffer as ArrayBuffer, data.byteOffset, bytes), byteOffset / 4);
  }

  async read(_span: Span, byteLength: number): Promise<Uint8Array<ArrayBuffer>> {
    // Reads that are asked for together are waited for together.
    if (!this.#pending) this.reads++;
    this.#pending = true;
    await null;
    this.#pending = false;
    return new Uint8Array(
      new Int32Array(Math.ceil(byteLength / 4)).fill(TOKEN).buffer,
      0,
      byteLength,
    );
  }

  launchedKernels(): KernelRecipe[] {
    return [];
  }

  async prepare(): Promise<void> {}

  bindsTogether(spans: readonly (Binding | null)[]): boolean {
    const blocks = spans.flatMap((span) => span ? [(span.buffer as CountedBuffer).block] : []);
    return new Set(blocks).size <= 1;
  }

  dispatch<A extends object>(
    { signature, source, entryPoint, constants }: Shader<A>,
    workgroups: number | readonly [number, number, number],
    args: NoInfer<A>,
  ): void {
    const kernel = `${source.file.replace(/^.*\//, "").replace(/\.wgsl$/, "")}.${entryPoint}`;
    const { read, written } = traffic(signature.name, args as LaunchArguments, constants);
    const [x, y, z] = typeof workgroups === "number" ? [workgroups, 1, 1] : workgroups;
    let work = this.#work.get(kernel);
    if (!work) {
      work = { kernel, dispatches: 0, workgroups: 0, bytesRead: 0, bytesWritten: 0 };
      this.#work.set(kernel, work);
    }
    work.dispatches++;
    work.workgroups += x * y * z;
    work.bytesRead += read;
    work.bytesWritten += written;
  }

  close(): void {}
}

/** Bytes of a launch: activations, weights, and keys and values as far as they are seen. */
function traffic(
  kernel: string,
  args: LaunchArguments,
  constants: Readonly<Record<string, number>>,
): Traffic {
  const int = (name: string) => Number(args[name]);
  const has = (name: string) => args[name] !== null;
  const of = (read: number, written: number): Traffic => ({ read: read * 4, written: written * 4 });
  // Elements of the weights, in words.
  const word = constants.BF16 ? 0.5 : 1;
  const rows = int("rows");
  switch (kernel) {
    case "matmul": {
      const [m, n, k, k2] = ["m", "n", "k", "k2"].map(int);
      const beside = (has("residual") ? m * n : 0) + (has("bias") ? n : 0);
      return of(m * k + word * n * k + m * k2 + n * k2 + beside, m * n);
    }
    case "matmul_several": {
      const [m, k] = ["m", "k"].map(int);
      let [read, written] = [m * k, 0];
      for (let i = 0; i < 3; i++) {
        const [n, rank] = [int(`n_${i}`), int(`rank_${i}`)];
        read += word * n * k + (m + n) * rank + (has(`bias_${i}`) ? n : 0);
        if (has(`c_${i}`) || has(`placed_${i}`)) written += m * n;
      }
      return of(read, written);
    }
    case "norm_products": {
      const width = int("width");
      const n = int("n_0") + int("n_1") + int("n_2");
      return of((rows + n) * width, rows * (width + n));
    }
    case "attention": {
      const [heads, keyHeads, headSize] = ["heads", "keyHeads", "headSize"].map(int);
      const queries = total(args.queryLengths, int("items") / heads);
      const keys = total(args.keyLengths, int("items") / heads) +
        ("prefixLengths" in args ? total(args.prefixLengths, int("items") / heads) : 0);
      const elements = queries * heads * headSize;
      return of(elements + 2 * keys * keyHeads * headSize, elements);
    }
    case "rms_norm":
    case "layer_norm":
      return of((has("residual") ? 2 : 1) * rows * int("width"), rows * int("width"));
    case "rotary": {
      const elements = rows * (int("heads_0") + int("heads_1")) * int("headSize");
      return of(elements, elements);
    }
    case "kv_cache_append":
      return of(2 * int("count") * int("width"), 2 * int("count") * int("width"));
    case "embedding":
      return of(int("count") * int("width"), int("count") * int("width"));
    case "sample":
    case "greedy":
    case "draw_parts":
      return of(rows * int("vocabulary"), rows);
    case "draw_sums":
      return of((int("logSoftmax") + 1) * rows * int("vocabulary"), rows);
    case "draw_token":
      return of(0, rows);
    default: {
      // A value for each of `length`.
      const length = int("length");
      return Number.isFinite(length) ? of(length, length) : of(0, 0);
    }
  }
}

/** Sum of a table of lengths. */
function total(span: number | boolean | Binding | null, count: number): number {
  const { buffer, byteOffset } = span as Binding;
  const { words } = buffer as CountedBuffer;
  if (!words) return 0;
  const first = byteOffset / 4;
  return words.subarray(first, first + count).reduce((sum, length) => sum + length, 0);
}
