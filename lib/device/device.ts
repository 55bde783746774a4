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

/** What runs kernels, and the memory they run on. */
export interface Device {
  /** Which implementation this is. */
  readonly kind: "wasm" | "webgpu";
  /** One line for a person: what the kernels run on. */
  readonly description: string;
  /** Memory that is reserved. */
  readonly memory: Readonly<MemoryUse>;

  /**
   * Reserves memory, 256-byte aligned, contents undefined.
   * @throws {OutOfMemoryError} naming what was asked for and what is there.
   */
  alloc(byteLength: number): DeviceBuffer;
  /** Gives memory back; what was launched before may still use it. */
  free(buffer: DeviceBuffer): void;
  /** Copies host data to the device. */
  write(span: Span, data: ArrayBufferView): void;
  /** Copies device memory to the host, after everything that was launched before. */
  read(span: Span, byteLength: number): Promise<Uint8Array<ArrayBuffer>>;
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
  /** Stops what runs the kernels. The device cannot be used after it. */
  close(): void;
}
