/** Cost of a kernel. */
export interface KernelTime {
  /** On a GPU with its room's name before it. */
  readonly kernel: string;
  readonly launches: number;
  readonly seconds: number;
}

/** Time by kernel. */
export class KernelTimes {
  readonly #times = new Map<string, { launches: number; seconds: number }>();

  /** Counts a launch. */
  add(kernel: string, seconds: number): void {
    const time = this.#times.get(kernel);
    if (!time) {
      this.#times.set(kernel, { launches: 1, seconds });
      return;
    }
    time.launches++;
    time.seconds += seconds;
  }

  /** The kernels so far, the most expensive first. */
  table(): KernelTime[] {
    return [...this.#times]
      .map(([kernel, time]) => ({ kernel, ...time }))
      .sort((a, b) => b.seconds - a.seconds);
  }

  /** Starts again from nothing. */
  clear(): void {
    this.#times.clear();
  }
}

/** Cost of the kernels of this process, on all devices that were opened with `profile`. */
export const kernelTimes: KernelTimes = new KernelTimes();
