import type { Policy } from "./policy.ts";

/** Numbers of parameters. */
export interface ParameterCount {
  /** Trained parameters. */
  trainable: number;
  /** All parameters, those that are trained included. */
  all: number;
}

/** Counts a policy's parameters: of the model with its adapter, and with the value head on top. */
export function countParameters(
  { model, parameters }: Policy,
): { adapter: ParameterCount; withValueHead: ParameterCount } {
  const head = model.hiddenSize + 1;
  const count = (trainable: number) => ({ trainable, all: model.parameterCount + trainable });
  return { adapter: count(parameters.count - head), withValueHead: count(parameters.count) };
}

/** Describes a count in the words of the original notebook. */
export function describeParameters({ trainable, all }: ParameterCount): string {
  return `trainable model parameters: ${trainable}\n` +
    `all model parameters: ${all}\n` +
    `percentage of trainable model parameters: ${(100 * trainable / all).toFixed(2)}%`;
}
