import type { DatasetHooks } from "../runs/loading/dataset.ts";

/** Listeners of a worker. */
export interface WorkerHooks extends DatasetHooks {
  /** There is no run to work for. */
  waiting?(): void;
  /** A run is found, and its model is loaded now. */
  found?(run: { run: string; kind: string; device: string }): void;
  /** Some work begins. */
  working?(facts: { step: number; rollouts: number }): void;
  /** It is done. */
  worked?(facts: { step: number; rollouts: number; tokens: number; seconds: number }): void;
}
