/** Measures the phases of a PPO step, under TRL's names. */
export class PhaseClock {
  readonly #start = performance.now();
  readonly #seconds: Record<`time/ppo/${string}`, number> = {};
  #last = this.#start;

  /** Ends a phase: it took the time since the previous one ended. */
  lap(phase: string): void {
    const now = performance.now();
    this.#seconds[`time/ppo/${phase}`] = (now - this.#last) / 1000;
    this.#last = now;
  }

  /** Seconds of each phase, and of all of them under `time/ppo/total`. */
  seconds(): Record<`time/ppo/${string}`, number> {
    return { ...this.#seconds, "time/ppo/total": (this.#last - this.#start) / 1000 };
  }
}
