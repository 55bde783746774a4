import type { DeviceBuffer, GpuDevice, Span } from "../lib/device/device.ts";

/** Memory of a measurement or a comparison of kernels, given back at the end of its block. */
export class TrialMemory implements Disposable {
  readonly #buffers: DeviceBuffer[] = [];

  constructor(private readonly device: GpuDevice) {}

  /** Reserves 32-bit elements, contents undefined. */
  reserve(elements: number): Span {
    const buffer = this.device.alloc(elements * 4);
    this.#buffers.push(buffer);
    return { buffer, byteOffset: 0 };
  }

  /** Copies data to the device. */
  upload(
    data: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>,
  ): Span {
    const span = this.reserve(Math.ceil(data.byteLength / 4));
    this.device.write(span, data);
    return span;
  }

  [Symbol.dispose](): void {
    for (const buffer of this.#buffers) this.device.free(buffer);
  }
}
