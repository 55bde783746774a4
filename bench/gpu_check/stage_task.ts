import type { Mission } from "./stages.ts";

/** Task of a stage's process. */
export interface StageTask<Result> {
  readonly mission: Mission;
  /** Seconds until nothing further should be begun. */
  secondsLeft(): number;
  /** Hands over the result so far: it is kept if the process does not live to see its end. */
  report(result: Result): void;
}
