/**
 * The seam between the ops and what runs them. A launcher (`kernels/<op>/<op>.ts`) names a kernel, its
 * arguments and how many independent tasks there are; the device does the rest. Launches are recorded
 * in order and never awaited; only `read` waits.
 */

/** A block of device memory. */
export interface DeviceBuffer {
  /** Its size. */
  readonly byteLength: number;
}

/** A place in device memory: where a kernel starts to read or write. */
export interface Span {
  /** The block. */
  readonly buffer: DeviceBuffer;
  /** Offset in the block, in bytes. */
  readonly byteOffset: number;
}

/** A span and how much of it a kernel sees, which matters only in blocks above `maxBindingBytes`. */
export interface Binding extends Span {
  /** Bytes that the kernel reads or writes. Default: up to the end of the buffer. */
  readonly byteLength?: number;
}

/** Type of the elements that a kernel sees in a span. */
export type ElementType = "f32" | "i32" | "u32" | "vec2u" | "vec4f";

/** A memory argument of a kernel. */
export interface SpanArgument {
  /** Its name. */
  readonly name: string;
  /** Type of its elements. */
  readonly element: ElementType;
}

/** A storage binding of a GPU. */
export interface StorageBinding {
  /** Its name in WGSL. */
  readonly name: string;
  /** Type of the elements. */
  readonly element: ElementType;
  /** True for outputs. */
  readonly isWritten: boolean;
  /** Places of its spans among the signature's: more than one lie in one block. */
  readonly spans: readonly number[];
}

/**
 * The arguments of a kernel by name, in the order in which they are passed: memory, then 32-bit
 * integers, then floats. Made by `signature` in signature.ts, which also gives the types of the named
 * arguments on a GPU and on the WASM device.
 */
export interface Signature<GpuArguments = object, TaskArguments = object> {
  /** The kernel's name: the export of the WASM module, the entry point of the WGSL. */
  readonly name: string;
  /** The device that has the kernel; null for both. */
  readonly only: "wasm" | "webgpu" | null;
  /** Memory: first what is written, then what is only read. */
  readonly spans: readonly SpanArgument[];
  /** The spans as a GPU binds them, outputs first. */
  readonly bindings: readonly StorageBinding[];
  /** Integers on a GPU. */
  readonly gpuInts: readonly string[];
  /** Integers on the WASM device. */
  readonly taskInts: readonly string[];
  /** Floats, on both. */
  readonly floats: readonly string[];
  /** All arguments in their order on a GPU: spans, integers, floats. */
  readonly gpuOrder: readonly string[];
  /** All arguments in their order on the WASM device. */
  readonly taskOrder: readonly string[];
  /** Whole numbers that launcher and kernels share. */
  readonly constants: Readonly<Record<string, number>>;
  /** Never set; carries the types of the arguments. */
  readonly types?: { readonly gpu: GpuArguments; readonly task: TaskArguments };
}

/** Bytes in use now, and the most there ever were. */
export interface MemoryUse {
  /** Now. */
  used: number;
  /** The most there ever were. */
  peak: number;
}

/** Memory, copies and capabilities, which every device has. Kernels run in the order of their launch. */
export interface DeviceBase {
  /** One line for a person: what the kernels run on. */
  readonly description: string;
  /** Memory that is reserved. */
  readonly memory: Readonly<MemoryUse>;
  /** Limit of the memory in bytes; null where the device does not say. */
  readonly memoryLimit: number | null;
  /** The most bytes of one block that a kernel can see in one launch; Infinity where that is no limit. */
  readonly maxBindingBytes: number;
  /**
   * Steps of a loop to launch before the host reads their results: more than one where a read takes
   * much longer than a step.
   */
  readonly stepsPerRead: number;
  /**
   * True where a read waits for some time after its results are there, so that launches made meanwhile
   * cost nothing. Reads are under way in the microtask after they were asked for.
   */
  readonly readsLate: boolean;

  /**
   * Reserves memory, 256-byte aligned, contents undefined.
   * @throws {OutOfMemoryError} naming what was asked for and what is there.
   */
  alloc(byteLength: number): DeviceBuffer;
  /**
   * Reserves several pieces of memory as `alloc` does, in one block where that can be bound as a whole,
   * so that a kernel may bind them as one. Each is freed by itself; the block lasts until all are.
   */
  allocTogether(byteLengths: readonly number[]): DeviceBuffer[];
  /** Gives memory back; what was launched before may still use it. */
  free(buffer: DeviceBuffer): void;
  /** Copies host data to the device, after everything that was launched before. */
  write(span: Span, data: ArrayBufferView): void;
  /** Copies device memory to the host, after everything that was launched before. */
  read(span: Span, byteLength: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Stops what runs the kernels. The device cannot be used after it. */
  close(): void;
}

/** Memory with a part for each step of a loop, one after another. */
export interface SteppedMemory extends Span {
  /** Bytes of a step's part. */
  readonly stepBytes: number;
  /** Number of parts. */
  readonly steps: number;
}

/** Launches of a step that can be made again for other steps of its loop. */
export interface RepeatableStep {
  /** Makes the launches with another step's parts of the stepped memory. */
  repeat(step: number): void;
  /** Gives back the memory that the launches use. */
  release(): void;
}

/** Runs kernels as tasks on the threads of the CPU. */
export interface TaskDevice extends DeviceBase {
  /** Implementation of the device. */
  readonly kind: "wasm";
  /** True where V8 makes 256-bit vectors of pairs of 128-bit ones: see `turbo` in lib/device/turbo.ts. */
  readonly wideVectors: boolean;
  /** Threads that run tasks. */
  readonly threads: number;
  /**
   * Launches `tasks` independent tasks of a kernel. Which thread runs which task is not defined, so
   * a kernel's output may not depend on it.
   *
   * @param args the kernel's arguments by name; null memory is a null pointer
   */
  run<T extends object>(kernel: Signature<object, T>, tasks: number, args: NoInfer<T>): void;
  /**
   * Runs the launches of one step of a loop, and keeps them, so that further steps need not choose them
   * again. The steps must launch the same but for their parts of the stepped memory.
   *
   * @param step number of the step
   * @param stepped memory of whose parts step i uses one or more, at the same distance from the i-th
   * @param launch makes the launches, and frees all the memory that it takes
   * @returns null where they cannot be made again: the step copied from or to the host, kept memory, or
   *   freed memory that was there before it
   */
  record(
    step: number,
    stepped: readonly SteppedMemory[],
    launch: () => void,
  ): RepeatableStep | null;
}

/**
 * For each binding of a kernel the one that stands for it: itself, or the output that is the first to be
 * in its block. Empty where every binding stands for itself.
 */
export type StandIns = readonly number[];

/** A WGSL module: see webgpu/shader_source.ts. */
export interface ShaderSource {
  /** The file of its own text, for messages: `<room>/<file>.wgsl`. */
  readonly file: string;
  /** Lines before its own text. */
  readonly linesBefore: number;
  /** The whole text. Bindings that another stands for are not declared: their names give way to its. */
  text(standIns: StandIns): string;
}

/** A WGSL kernel. Pipelines are cached by this object: make it once, not for every launch. */
export interface Shader<GpuArguments = object> {
  /** Its arguments. */
  readonly signature: Signature<GpuArguments>;
  /** The module it is in. */
  readonly source: ShaderSource;
  /** The function's name in it. */
  readonly entryPoint: string;
  /** Values of the module's `override` constants. */
  readonly constants: Readonly<Record<string, number>>;
}

/** All that a kernel is compiled from, so that another process can compile it ahead. */
export interface KernelRecipe {
  /** Name, `<room>.<entry point>`. */
  readonly label: string;
  /** WGSL. */
  readonly code: string;
  /** Name of its function. */
  readonly entryPoint: string;
  /** Values of the `override` constants. */
  readonly constants: Readonly<Record<string, number>>;
  /** Storage bindings: their numbers. */
  readonly bindings: readonly number[];
  /** Numbers of those that are written. */
  readonly written: readonly number[];
}

/** Runs WGSL kernels on a GPU. */
export interface GpuDevice extends DeviceBase {
  /** Implementation of the device. */
  readonly kind: "webgpu";
  /** Threads of a subgroup, where kernels may use subgroups and all have one size; else null. */
  readonly subgroupSize: number | null;
  /**
   * True where kernels that use subgroups have proved equal to those that do not, bit for bit: only
   * then are they taken. See kernels/matmul/equal_variants.ts.
   */
  usesSubgroups: boolean;
  /** True where the adapter only imitates a GPU. */
  readonly software: boolean;
  /** The fastest kernel for each class of matrix products, where that was measured. */
  readonly tuning: Map<string, string>;
  /** Kernels that were launched, for {@linkcode prepare} in another process. */
  launchedKernels(): KernelRecipe[];
  /**
   * Compiles kernels ahead of their first launch, several at once where the implementation can. A kernel
   * that does not compile is left out: its launch will tell.
   */
  prepare(kernels: readonly KernelRecipe[]): Promise<void>;
  /** Tells spans that can be one binding: they lie in one block, not too far apart to be bound. */
  bindsTogether(spans: readonly (Binding | null)[]): boolean;
  /**
   * Records a dispatch.
   *
   * @param workgroups how many; more than fit in one dimension are spread over two, so a shader
   *   numbers them with the prelude's `flat_group`. A triple is taken as it is.
   * @param args the kernel's arguments by name; null memory binds nothing that may be touched. What
   *   is in the same block as an output is bound once, with it.
   */
  dispatch<A extends object>(
    shader: Shader<A>,
    workgroups: number | readonly [number, number, number],
    args: NoInfer<A>,
  ): void;
}

/** A device: it runs kernels on memory of its own. Launchers alone tell the two apart by `kind`. */
export type Device = TaskDevice | GpuDevice;
