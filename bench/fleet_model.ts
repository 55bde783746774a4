/** Prediction of a step's time with N workers, from times that were measured on one. */

/** Times of a run, in seconds. */
export interface FleetTimes {
  /** Time of one worker for a batch of so many prompts, with the fewest first; interpolated between. */
  readonly generate: readonly (readonly [prompts: number, seconds: number])[];
  /** Time of the trainer to train on a step's rollouts. */
  readonly update: number;
  /** Time of the trainer's own part of a step, which it does while workers respond. Default 0. */
  readonly meanwhile?: number;
  /** Time to store the policy, hand out the work and take the results. */
  readonly sync: number;
}

/** Number of workers, and the rest that decides how they work together. */
export interface FleetShape {
  readonly workers: number;
  /** Steps between the policy that responds and the one that is trained. */
  readonly staleness: number;
  /** Prompts of a step. */
  readonly prompts: number;
}

/** Steps that are simulated, and those of them that do not count, before the queue is full. */
const STEPS = { all: 60, warmUp: 20 };

/**
 * Simulates a run event by event. Each worker takes its share of a step once the policy for it is
 * stored and the worker is free; the trainer takes a step once it has stored the policy and done its own
 * part, and all results are there.
 *
 * Machines do not share cores here: where workers and trainer have fewer cores than they use, real
 * steps are slower.
 *
 * @returns seconds of a step, in the long run
 */
export function predictStep(times: FleetTimes, fleet: FleetShape): number {
  const { workers, staleness, prompts } = fleet;
  const free = new Array<number>(workers).fill(0);
  /** Time at which the policy after so many steps is stored. */
  const stored = [0];
  const done = [0];
  const ready: number[] = [0];
  for (let step = 1; step <= STEPS.all; step++) {
    const start = stored[Math.max(0, step - 1 - staleness)];
    let last = 0;
    for (let worker = 0, left = prompts; worker < workers && left > 0; worker++) {
      const share = Math.ceil(left / (workers - worker));
      left -= share;
      free[worker] = Math.max(free[worker], start) + generationTime(times.generate, share);
      last = Math.max(last, free[worker]);
    }
    ready.push(last);
    const own = stored[step - 1] + (times.meanwhile ?? 0);
    done.push(Math.max(ready[step], own) + times.update);
    stored.push(done[step] + times.sync);
  }
  return (done[STEPS.all] - done[STEPS.warmUp]) / (STEPS.all - STEPS.warmUp);
}

/** Time for a batch, on the straight line through the two nearest that were measured. */
function generationTime(measured: FleetTimes["generate"], prompts: number): number {
  if (measured.length === 1) return measured[0][1];
  const above = measured.findIndex(([count]) => count >= prompts);
  const right = above < 0 ? measured.length - 1 : Math.max(1, above);
  const [[x0, y0], [x1, y1]] = [measured[right - 1], measured[right]];
  return y0 + (y1 - y0) * (prompts - x0) / (x1 - x0);
}
