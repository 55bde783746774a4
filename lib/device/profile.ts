/** Cost of a kernel. */
export interface KernelTime {
  /** On a GPU with its room's name before it. */
  readonly kernel: string;
  readonly launches: number;
  readonly seconds: number;
}

/** Receives the time of each launch, in order. */
export interface LaunchListener {
  /** Called with a launch's time. */
  add(kernel: string, seconds: number): void;
}

/** Time by kernel. */
export class KernelTimes implements LaunchListener {
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

/** Maximum delay in milliseconds of times after the results of their launches. */
const LATEST_MS = 5000;

/** Queue of the times of launches. */
export class LaunchTimes implements LaunchListener {
  readonly #seconds: number[] = [];
  #arrived: () => void = () => {};

  /** Counts a launch. */
  add(_kernel: string, seconds: number): void {
    this.#seconds.push(seconds);
    this.#arrived();
  }

  /**
   * Waits for the times of the next `count` launches.
   *
   * @returns seconds
   * @throws {Error} when they do not come
   */
  async take(count: number): Promise<number[]> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timeout = setTimeout(
      () => reject(new Error("the GPU has not told how long kernels took")),
      LATEST_MS,
    );
    this.#arrived = () => {
      if (this.#seconds.length >= count) resolve();
    };
    this.#arrived();
    try {
      await promise;
    } finally {
      clearTimeout(timeout);
    }
    return this.#seconds.splice(0, count);
  }
}

/** Cost of the kernels of this process, on all devices that were opened with `profile`. */
export const kernelTimes: KernelTimes = new KernelTimes();
