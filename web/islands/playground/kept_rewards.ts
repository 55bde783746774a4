/** Beginning of the names under which the browser keeps the source of runs' own rewards. */
const PREFIX = "temper-reward/";

/** Keeps the source of a run's own reward: going on with the run takes it again. */
export function keepReward(run: string, source: string): void {
  try {
    localStorage.setItem(PREFIX + run, source);
  } catch {
    // A browser that keeps nothing keeps no runs to go on with either.
  }
}

/** Source of a run's own reward; null for a run without one. */
export function keptReward(run: string): string | null {
  try {
    return localStorage.getItem(PREFIX + run);
  } catch {
    return null;
  }
}

/** Forgets the source of a run's own reward. */
export function forgetReward(run: string): void {
  try {
    localStorage.removeItem(PREFIX + run);
  } catch {
    // There is nothing to forget.
  }
}
