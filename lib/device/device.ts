/**
 * The seam between the ops and what runs them. A launcher (`kernels/<op>/<op>.ts`) names a kernel,
 * the memory it reads and writes, its scalar parameters and how many independent tasks there are;
 * the device does the rest. Launches are recorded in order and never awaited; only `read` waits.
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
  /** Where in the block, in bytes from its start. */
  readonly byteOffset: number;
}

/** Bytes in use now, and the most there ever were. */
export interface MemoryUse {
  /** Now. */
  used: number;
  /** The most there ever were. */
  peak: number;
}

/** What every device does: it holds memory, copies, and runs kernels in the order of their launch. */
export interface DeviceBase {
  /** One line for a person: what the kernels run on. */
  readonly description: string;
  /** Memory that is reserved. */
  readonly memory: Readonly<MemoryUse>;
  /** The most bytes that there may be; null where the device does not say. */
  readonly memoryLimit: number | null;
  /** The most bytes of one block that a kernel can see in one launch; Infinity where that is no limit. */
  readonly maxBindingBytes: number;
  /**
   * Steps of a loop to launch before the host reads their results: more than one where a read takes
   * much longer than a step.
   */
  readonly stepsPerRead: number;

  /**
   * Reserves memory, 256-byte aligned, contents undefined.
   * @throws {OutOfMemoryError} naming what was asked for and what is there.
   */
  alloc(byteLength: number): DeviceBuffer;
  /** Gives memory back; what was launched before may still use it. */
  free(buffer: DeviceBuffer): void;
  /** Copies host data to the device, after everything that was launched before. */
  write(span: Span, data: ArrayBufferView): void;
  /** Copies device memory to the host, after everything that was launched before. */
  read(span: Span, byteLength: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Stops what runs the kernels. The device cannot be used after it. */
  close(): void;
}

/** Runs kernels as tasks on the threads of the CPU. */
export interface TaskDevice extends DeviceBase {
  /** Which implementation this is. */
  readonly kind: "wasm";
  /** Whether V8 makes 256-bit vectors of pairs of 128-bit ones: see `turbo` in lib/device/turbo.ts. */
  readonly wideVectors: boolean;
  /** Threads that run tasks. */
  readonly threads: number;
  /**
   * Launches `tasks` independent tasks of a kernel. Which thread runs which task is not defined, so
   * a kernel's output may not depend on it.
   *
   * @param spans memory arguments, in the kernel's order; null is a null pointer
   * @param ints 32-bit integer arguments
   * @param floats 32-bit float arguments
   */
  run(
    kernel: string,
    tasks: number,
    spans: readonly (Span | null)[],
    ints: readonly number[],
    floats?: readonly number[],
  ): void;
}

/** A WGSL module: the prelude and a room's `.wgsl`, see kernels/wgsl.ts. */
export interface ShaderSource {
  /** The room's, for messages. */
  readonly name: string;
  /** The whole text. */
  readonly code: string;
  /** Lines of the text that are not the room's own. */
  readonly preludeLines: number;
}

/** A WGSL kernel. Pipelines are cached by this object: make it once, not for every launch. */
export interface Shader {
  /** The module it is in. */
  readonly source: ShaderSource;
  /** The function's name in it. */
  readonly entryPoint: string;
  /** How many spans it writes: they come first, the others are only read. */
  readonly outputs: number;
  /** Values of the module's `override` constants. */
  readonly constants: Readonly<Record<string, number>>;
}

/** A span that a shader is to see; how much of it matters only in blocks above `maxBindingBytes`. */
export interface Binding extends Span {
  /** Bytes that the shader reads or writes. */
  readonly byteLength?: number;
}

/** Runs WGSL kernels on a GPU. */
export interface GpuDevice extends DeviceBase {
  /** Which implementation this is. */
  readonly kind: "webgpu";
  /** Threads of a subgroup, where kernels may use subgroups and all have one size; else null. */
  readonly subgroupSize: number | null;
  /** Whether it only imitates a GPU. */
  readonly software: boolean;
  /** The fastest kernel for each class of matrix products, where that was measured. */
  readonly tuning: Map<string, string>;
  /**
   * Records a dispatch.
   *
   * @param workgroups how many; more than fit in one dimension are spread over two, so a shader
   *   numbers them with the prelude's `flat_group`. A triple is taken as it is.
   * @param spans storage bindings 0, 1, … of group 0; null binds nothing that may be touched. Where
   *   an input is in the same block as an output, it is bound writable.
   * @param ints after the spans' offsets (in words; NONE for null), the uniform's 32-bit integers
   * @param floats the uniform's last words
   */
  dispatch(
    shader: Shader,
    workgroups: number | readonly [number, number, number],
    spans: readonly (Binding | null)[],
    ints: readonly number[],
    floats?: readonly number[],
  ): void;
}

/** What runs kernels, and the memory they run on. A launcher tells the two apart by `kind`. */
export type Device = TaskDevice | GpuDevice;
