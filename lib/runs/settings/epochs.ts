/** Settings that decide the number of a run's steps. */
export interface EpochSettings {
  /** Passes over the train split. */
  readonly epochs: number;
  /** Optimizer steps; null for whole epochs. */
  readonly steps: number | null;
  /** Examples per pass. */
  readonly batchSize: number;
  /** Passes per optimizer step. */
  readonly gradientAccumulationSteps: number;
}

/** Optimizer steps of a run over so many examples. A rest that fills no step is left out. */
export function stepsOf(
  { epochs, steps, batchSize, gradientAccumulationSteps }: EpochSettings,
  examples: number,
): number {
  return steps ?? epochs * Math.floor(examples / (batchSize * gradientAccumulationSteps));
}
