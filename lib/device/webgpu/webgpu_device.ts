import { UserError } from "../../errors.ts";
import { allowedVariable } from "../../platform/environment.ts";
import type {
  Binding,
  DeviceBuffer,
  GpuDevice,
  KernelRecipe,
  MemoryUse,
  Shader,
  Span,
} from "../device.ts";
import type { LaunchListener } from "../profile.ts";
import { describeAdapter, type Implementation, isSoftware, requestDevice } from "./adapter.ts";
import { BindGroups } from "./bind_groups.ts";
import { type BindingLimits, bindTogether, blockOf, boundBlocks, startOf } from "./bound_spans.ts";
import { type Block, BufferPool, type PooledBuffer } from "./buffer_pool.ts";
import copyCode from "./copy.wgsl" with { type: "text" };
import { lostError, refusedError } from "./late_errors.ts";
import { bindableBytes, STORAGE_BUFFERS_NEEDED } from "./limits.ts";
import { BLOCK_BYTES, ParameterBlocks } from "./parameter_blocks.ts";
import { type CompilationHooks, Pipelines, shaderLabel } from "./pipelines.ts";
import { ReadbackPool } from "./readback_pool.ts";
import { putInOrder, signature } from "../signature.ts";
import { shaderHead } from "./shader_head.ts";
import { shaderSource } from "./shader_source.ts";
import { MAX_DISPATCHES, SubmitBudget } from "./submit_budget.ts";
import { measureTick } from "./timestamp_period.ts";
import { Timestamps } from "./timestamps.ts";
import { wholeWords } from "./whole_words.ts";

/** Writes up to this size can be staged within a recording; together, STAGING_BYTES. */
const MAX_STAGED_BYTES = 64 << 10;
const STAGING_BYTES = 1 << 20;
/** The queue keeps a copy of what is written until the next submit: that comes after so much. */
const MAX_WRITTEN_BYTES = 64 << 20;

const COPY_SIGNATURE = signature({
  name: "copy",
  outputs: { output: "u32" },
  inputs: { input: "u32" },
  ints: ["words"],
});
const COPY = {
  signature: COPY_SIGNATURE,
  source: shaderSource(COPY_SIGNATURE, "device/copy.wgsl", copyCode),
  entryPoint: "copy",
  constants: {},
};

/** Counts of what a device has done so far. */
export interface DeviceCounters {
  /** Kernels launched. */
  dispatches: number;
  /** Command buffers handed to the GPU. */
  submits: number;
  /** Bytes of data that `write` has uploaded. */
  bytesUploaded: number;
  /** Bytes of launches' parameters. */
  parameterBytes: number;
  /** Bytes that `read` has copied to the host. */
  bytesRead: number;
  /** Calls of `read`. */
  reads: number;
}

/** Facts about a GPU that was opened, and its listeners. */
interface OpenedOptions extends Pick<GpuDevice, "description" | "software" | "subgroupSize"> {
  /** Put before the text of every shader. */
  readonly head: string;
  /** True where reads need not be awaited. */
  readonly immediateReads: boolean;
  /** True where a read waits: in Deno 11 ms, as long as many steps of decoding; else 0.2 ms. */
  readonly waits: boolean;
  /** Listener for what each kernel costs, and the seconds of a timestamp's tick. */
  readonly times?: { readonly listener: LaunchListener; readonly tick: number };
  readonly compilation?: CompilationHooks;
}

/**
 * WGSL kernels on Deno's WebGPU. Launches are recorded into one compute pass and submitted when
 * something is read, or every so many dispatches. What the GPU reports late (no memory, a shader's
 * error, a lost device) is thrown by the next call.
 */
export class WebGpuDevice implements GpuDevice {
  /** Tells the implementations apart. */
  readonly kind = "webgpu";
  /** One line for a person. */
  readonly description: string;
  /** True where a program imitates a GPU. */
  readonly software: boolean;
  /** Threads of a subgroup; null where there are none or of several sizes. */
  readonly subgroupSize: number | null;
  /** Counts since the device was opened. */
  readonly counters: DeviceCounters = {
    dispatches: 0,
    submits: 0,
    bytesUploaded: 0,
    parameterBytes: 0,
    bytesRead: 0,
    reads: 0,
  };
  /** The most bytes of one block that a shader sees in one dispatch. */
  readonly maxBindingBytes: number;
  /** Number of decoding steps between reads. */
  readonly stepsPerRead: number;
  /** True where reads wait. What imitates a GPU has no time for steps that may be thrown away. */
  readonly readsLate: boolean;
  /** WebGPU does not tell how much memory a GPU has. */
  readonly memoryLimit = null;
  /** True once kernels with subgroups have proved equal to those without. */
  usesSubgroups = false;
  /** The fastest kernel for each class of matrix products, where that was measured. */
  readonly tuning: Map<string, string> = new Map();
  readonly #bindingLimits: BindingLimits;
  readonly #pool: BufferPool;
  readonly #pipelines: Pipelines;
  readonly #parameters: ParameterBlocks;
  readonly #parameterGroup: GPUBindGroup;
  readonly #readbacks: ReadbackPool;
  readonly #groups: BindGroups;
  readonly #timestamps: Timestamps | null;
  /** Bound for null, for each binding another: none may be bound twice where one is written. */
  readonly #nothing: readonly Block[];
  /** Staged writes of this recording. */
  readonly #staging: Span;
  readonly #staged = new Uint8Array(STAGING_BYTES);
  #stagedBytes = 0;
  /** Arguments of a launch, in order. */
  readonly #values: unknown[] = [];
  #writtenBytes = 0;
  /** The number of the current recording. */
  #recording = 0;
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  #passPipeline: GPUComputePipeline | null = null;
  #passGroup: GPUBindGroup | null = null;
  readonly #budget = new SubmitBudget();
  /** Time of the first submit after the GPU had done everything; null when it has nothing to do. */
  #busySince: number | null = null;
  /** The first failure: no memory, a shader's error, a lost device. */
  #failure: Error | null = null;
  /** The first command that the GPU refused: often only the consequence of a failure. */
  #refusal: Error | null = null;
  #closed = false;

  /**
   * Opens an adapter.
   *
   * @param options `implementation`: whose adapter it is; `times`: where to add what each kernel
   *   costs; `immediateReads`: true where {@linkcode hasImmediateReads} found that reads need not be
   *   awaited; `compilation`: listeners
   * @throws {UserError} when it refuses
   */
  static async create(
    adapter: GPUAdapter,
    { implementation = "WebGPU", times, immediateReads = false, compilation }: {
      implementation?: Implementation;
      times?: LaunchListener;
      immediateReads?: boolean;
      compilation?: CompilationHooks;
    } = {},
  ): Promise<WebGpuDevice> {
    const gpu = await requestDevice(adapter, [
      ...(wantsSubgroups() ? ["subgroups" as const] : []),
      ...(times ? ["timestamp-query" as const] : []),
    ]);
    if (times && !gpu.features.has("timestamp-query")) {
      throw new UserError(
        `${describeAdapter(adapter, implementation)} cannot measure kernels: leave out \`profile\``,
      );
    }
    const { subgroupMinSize, subgroupMaxSize } = adapter.info;
    const uniform = gpu.features.has("subgroups") && subgroupMinSize === subgroupMaxSize;
    return new WebGpuDevice(gpu, {
      head: await shaderHead(gpu),
      description: describeAdapter(adapter, implementation),
      software: isSoftware(adapter),
      subgroupSize: uniform ? subgroupMinSize : null,
      immediateReads,
      waits: !immediateReads && implementation !== "Dawn",
      times: times && { listener: times, tick: await measureTick(gpu) },
      compilation,
    });
  }

  private constructor(readonly gpu: GPUDevice, options: OpenedOptions) {
    const { head, immediateReads, waits, times, compilation } = options;
    this.description = options.description;
    this.software = options.software;
    this.subgroupSize = options.subgroupSize;
    this.stepsPerRead = waits ? 16 : 8;
    this.readsLate = waits && !this.software;
    const fail = (error: Error) => {
      this.#failure ??= error;
    };
    this.maxBindingBytes = bindableBytes(gpu.limits.maxStorageBufferBindingSize);
    this.#bindingLimits = {
      bytes: this.maxBindingBytes,
      alignment: gpu.limits.minStorageBufferOffsetAlignment,
    };
    this.#groups = new BindGroups(gpu, this.maxBindingBytes);
    this.#pool = new BufferPool(
      gpu,
      fail,
      () => this.flush(),
      (block) => this.#groups.forget(block),
    );
    this.#pipelines = new Pipelines(gpu, head, fail, compilation);
    this.#parameters = new ParameterBlocks(gpu);
    this.#readbacks = new ReadbackPool(gpu, immediateReads);
    this.#timestamps = times
      ? new Timestamps(gpu, MAX_DISPATCHES, this.#readbacks, times.listener, times.tick)
      : null;
    this.#parameterGroup = gpu.createBindGroup({
      layout: this.#pipelines.parameterLayout,
      entries: [{ binding: 0, resource: { buffer: this.#parameters.buffer, size: BLOCK_BYTES } }],
    });
    const reserve = (bytes: number) => ({ buffer: this.#pool.reserve(bytes), byteOffset: 0 });
    this.#nothing = Array.from({ length: STORAGE_BUFFERS_NEEDED }, () => blockOf(reserve(256)));
    this.#staging = reserve(STAGING_BYTES);
    gpu.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      this.#refusal ??= refusedError(error, this.memory.used);
    });
    gpu.lost.then((info) => {
      if (!this.#closed) fail(lostError(info));
    });
  }

  /** Memory that is reserved. */
  get memory(): Readonly<MemoryUse> {
    return this.#pool.memory;
  }

  /** Reserves memory, contents undefined. */
  alloc(byteLength: number): DeviceBuffer {
    this.#check();
    return this.#pool.alloc(byteLength);
  }

  /** Reserves memory in one block if that can be bound as a whole. */
  allocTogether(byteLengths: readonly number[]): DeviceBuffer[] {
    this.#check();
    return this.#pool.allocTogether(byteLengths, this.maxBindingBytes);
  }

  /** Tells spans that can be one binding. */
  bindsTogether(spans: readonly (Binding | null)[]): boolean {
    return bindTogether(spans, this.#bindingLimits);
  }

  /** Kernels that were launched. */
  launchedKernels(): KernelRecipe[] {
    return [...this.#pipelines.launched];
  }

  /** Compiles kernels ahead. */
  async prepare(kernels: readonly KernelRecipe[]): Promise<void> {
    await this.#pipelines.prepare(kernels);
  }

  /** Gives memory back; what was launched before may still use it. */
  free(buffer: DeviceBuffer): void {
    this.#pool.free(buffer as PooledBuffer);
  }

  /**
   * Copies host data to the device. The queue copies before it runs what is being recorded now: so
   * where that uses the block, small data are staged and copied by a kernel, in their turn, and
   * large ones wait until the recording is submitted.
   */
  write(span: Span, data: ArrayBufferView): void {
    this.#check();
    const block = blockOf(span);
    const bytes = wholeWords(span, data);
    // Deno panics on a write of nothing.
    if (bytes.length === 0) return;
    this.counters.bytesUploaded += bytes.length;
    if (block.usedIn === this.#recording) {
      const small = bytes.length <= MAX_STAGED_BYTES;
      if (small && this.#stagedBytes + bytes.length <= STAGING_BYTES && !this.#full) {
        return this.#stage(span, bytes);
      }
      this.flush();
    }
    this.gpu.queue.writeBuffer(block.gpu, startOf(span), bytes);
    this.#writtenBytes += bytes.length;
    if (this.#writtenBytes > MAX_WRITTEN_BYTES) {
      this.#writtenBytes = 0;
      this.gpu.queue.submit([]);
    }
  }

  /** Copies device memory to the host, after everything that was launched before. */
  async read(span: Span, byteLength: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#failure ?? this.#refusal) throw await this.#reason();
    const size = Math.ceil(byteLength / 4) * 4;
    const block = blockOf(span);
    if (span.byteOffset + byteLength > span.buffer.byteLength) {
      throw new RangeError(
        `${byteLength} bytes at ${span.byteOffset} of a buffer of ${span.buffer.byteLength}`,
      );
    }
    this.counters.bytesRead += byteLength;
    this.counters.reads++;
    const readback = this.#readbacks.take(size);
    this.#endPass();
    this.#encoding().copyBufferToBuffer(block.gpu, startOf(span), readback, 0, size);
    block.usedIn = this.#recording;
    // Reads that are asked for together are submitted together.
    const recording = this.#recording;
    await null;
    if (this.#recording === recording) this.flush();
    try {
      const bytes = await this.#readbacks.read(readback, byteLength);
      if (this.#busySince !== null) {
        this.#budget.finished((performance.now() - this.#busySince) / 1000);
        this.#busySince = null;
      }
      this.#check();
      return bytes;
    } catch (error) {
      throw await this.#reason() ?? error;
    }
  }

  /** Records a dispatch. */
  dispatch<A extends object>(
    shader: Shader<A>,
    workgroups: number | readonly [number, number, number],
    args: NoInfer<A>,
  ): void {
    this.#check();
    if (this.#parameters.full) {
      this.flush();
      this.#parameters.clear();
    }
    const { spans, gpuInts, gpuOrder } = shader.signature;
    const values = this.#values;
    putInOrder(gpuOrder, args, values);
    const parameters = this.#parameters;
    const bound = boundBlocks(
      shader.signature,
      values,
      parameters.ints,
      this.#nothing,
      this.#bindingLimits,
    );
    const floats = spans.length + gpuInts.length;
    for (let i = spans.length; i < floats; i++) parameters.ints[i] = Number(values[i]);
    for (let i = floats; i < gpuOrder.length; i++) parameters.floats[i] = values[i] as number;
    const offset = parameters.intern(gpuOrder.length);
    const { pipeline, storage, work } = this.#pipelines.get(shader, bound.standIns);
    const group = this.#groups.get(storage, bound.blocks, bound.starts);
    const [x, y, z] = typeof workgroups === "number" ? this.#grid(workgroups) : workgroups;
    // What a copy reads is staged for this recording, which has room for it.
    const isCopy = shader.source === COPY.source;
    if (!isCopy && !this.#budget.fits(work, x * y * z)) this.flush();
    this.#budget.add(work, x * y * z);

    if (this.#timestamps) this.#endPass();
    const pass = this.#pass ??= this.#encoding().beginComputePass({
      timestampWrites: this.#timestamps?.next(shaderLabel(shader)),
    });
    if (this.#passPipeline !== pipeline) pass.setPipeline(this.#passPipeline = pipeline);
    if (this.#passGroup !== group) pass.setBindGroup(0, this.#passGroup = group);
    pass.setBindGroup(1, this.#parameterGroup, [offset]);
    pass.dispatchWorkgroups(x, y, z);
    for (const block of bound.blocks) block.usedIn = this.#recording;
    this.counters.dispatches++;
  }

  /** Hands what is recorded to the GPU. */
  flush(): void {
    if (!this.#encoder) return;
    this.#endPass();
    if (this.#stagedBytes > 0) {
      const { gpu } = blockOf(this.#staging);
      this.gpu.queue.writeBuffer(gpu, 0, this.#staged, 0, this.#stagedBytes);
      this.#stagedBytes = 0;
    }
    this.counters.parameterBytes += this.#parameters.upload();
    const submitted = this.#timestamps?.finish(this.#encoder);
    this.gpu.queue.submit([this.#encoder.finish()]);
    submitted?.();
    this.counters.submits++;
    this.#busySince ??= performance.now();
    this.#budget.submitted();
    this.#encoder = null;
    this.#recording++;
  }

  /** Gives the GPU back. */
  close(): void {
    this.#closed = true;
    this.#failure ??= new Error("the device is closed");
    this.gpu.destroy();
  }

  #encoding(): GPUCommandEncoder {
    return this.#encoder ??= this.gpu.createCommandEncoder();
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = this.#passPipeline = this.#passGroup = null;
  }

  /** True when the recording has to be submitted before another dispatch. */
  get #full(): boolean {
    return this.#budget.full || this.#parameters.full;
  }

  /** Puts a write in its place among the launches: a kernel copies it there. */
  #stage(span: Span, bytes: Uint8Array): void {
    const from = { buffer: this.#staging.buffer, byteOffset: this.#stagedBytes };
    this.#staged.set(bytes, this.#stagedBytes);
    this.#stagedBytes += bytes.length;
    const words = bytes.length / 4;
    this.dispatch(COPY, Math.ceil(words / 64), { output: span, input: from, words });
  }

  #grid(workgroups: number): [number, number, number] {
    const most = this.gpu.limits.maxComputeWorkgroupsPerDimension;
    if (workgroups <= most) return [workgroups, 1, 1];
    const rows = Math.ceil(workgroups / most);
    return [Math.ceil(workgroups / rows), rows, 1];
  }

  /** Waits for the reason of a refused command, which may be on its way, and returns the first failure. */
  async #reason(): Promise<Error | null> {
    await new Promise((resolve) => setTimeout(resolve));
    return this.#failure ?? this.#refusal;
  }

  #check(): void {
    const error = this.#failure ?? this.#refusal;
    if (error) throw error;
  }
}

/** `TEMPER_NO_SUBGROUPS=1` switches to the kernels that need none. */
function wantsSubgroups(): boolean {
  return !allowedVariable("TEMPER_NO_SUBGROUPS");
}
