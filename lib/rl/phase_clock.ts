/** Measures the phases of a PPO step, under TRL's names. */
export class PhaseClock {
  readonly #now: () => number;
  readonly #start: number;
  readonly #seconds: Record<`time/ppo/${string}`, number> = {};
  #last: number;

  /** Starts the first phase. `now` tells the time in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#start = this.#last = now();
  }

  /** Ends a phase: it took the time since the previous one ended. */
  lap(phase: string): void {
    const now = this.#now();
    this.#seconds[`time/ppo/${phase}`] = (now - this.#last) / 1000;
    this.#last = now;
  }

  /** Seconds of each phase, and of all of them under `time/ppo/total`. */
  seconds(): Record<`time/ppo/${string}`, number> {
    return { ...this.#seconds, "time/ppo/total": (this.#last - this.#start) / 1000 };
  }
}
