/** Dispatches of a submit at most. */
export const MAX_DISPATCHES = 256;
/** Dispatches of the first submit to an idle GPU, which then works while more is recorded. */
const FIRST_DISPATCHES = 32;
/**
 * Seconds of work in a submit. Windows resets a GPU that does not answer for 2 s (TdrDelay), and
 * desktops stutter long before.
 */
const MAX_SECONDS = 0.25;
/** Seconds that a workgroup of an unknown kernel takes: more than most take on slow GPUs. */
const FIRST_GUESS = 5e-6;
/** Factor by which one measurement changes an estimate at most: the host may have been busy, too. */
const MAX_CHANGE = 4;

/** Estimated cost of a pipeline's workgroups. */
export class WorkEstimate {
  /** Seconds of a workgroup, among others that run at the same time. */
  secondsPerGroup = FIRST_GUESS;
  /** Workgroups since the GPU was idle. */
  groups = 0;
}

/**
 * Bounds the work of a submit, by estimates that follow how long the GPU took from one read to the
 * next. They decide when work is submitted, never what is computed.
 */
export class SubmitBudget {
  /** Pipelines of the work that the GPU was given since it was idle. */
  readonly #given = new Set<WorkEstimate>();
  #dispatches = 0;
  #seconds = 0;
  #submits = 0;

  /** True when the current submit has as many dispatches as it may have. */
  get full(): boolean {
    return this.#dispatches >= Math.min(MAX_DISPATCHES, FIRST_DISPATCHES * 2 ** this.#submits);
  }

  /** Tells whether a dispatch may be recorded into the current submit; the first always may. */
  fits(work: WorkEstimate, groups: number): boolean {
    const seconds = this.#seconds + work.secondsPerGroup * groups;
    return this.#dispatches === 0 || !this.full && seconds <= MAX_SECONDS;
  }

  /** Counts a dispatch of the current submit. */
  add(work: WorkEstimate, groups: number): void {
    this.#dispatches++;
    this.#seconds += work.secondsPerGroup * groups;
    work.groups += groups;
    this.#given.add(work);
  }

  /** Begins another submit. */
  submitted(): void {
    this.#submits++;
    this.#dispatches = 0;
    this.#seconds = 0;
  }

  /**
   * Learns that all that was submitted is done. The kernel with the largest part of the work takes all
   * the relative error, others less, as they have less part in it.
   *
   * @param seconds time since the first submit to the idle GPU
   */
  finished(seconds: number): void {
    let [expected, largest] = [0, 0];
    for (const { groups, secondsPerGroup } of this.#given) {
      const part = groups * secondsPerGroup;
      expected += part;
      largest = Math.max(largest, part);
    }
    const change = Math.min(MAX_CHANGE, Math.max(1 / MAX_CHANGE, seconds / expected));
    for (const work of this.#given) {
      work.secondsPerGroup *= change ** (work.groups * work.secondsPerGroup / largest);
      work.groups = 0;
    }
    this.#given.clear();
    this.#submits = 0;
  }
}
