import type { Mission } from "./stages.ts";

/** Task of a stage's process. */
export interface StageTask<Result> {
  readonly mission: Mission;
  /** Seconds until nothing further should be begun. */
  secondsLeft(): number;
  /** Tells if something may be begun that takes so long, default 0; the stage is cut short if not. */
  hasTime(seconds?: number): boolean;
  /** Hands over the result so far: it is kept if the process does not live to see its end. */
  report(result: Result): void;
}
