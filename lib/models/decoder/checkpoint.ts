import { UserError } from "../../errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { WeightMatrix } from "../../tensor/weight.ts";
import type { CheckpointLayout } from "../family.ts";
import type { CheckpointTensors, WeightStore } from "../weight_store.ts";
import type { DecoderConfig } from "./config.ts";
import { CLASSIFIER_HEAD, DecoderWeights, HEAD } from "./weights.ts";

/** TRL's value head, which its checkpoints have among the weights; a policy has its own. */
const VALUE_HEAD = /^v_head\./;

/**
 * Adjusts a config to the checkpoint's tensors: the names of a model that was saved without its head
 * have no `model.` before them, and a head of its own is used whatever config.json says of tying, as
 * in transformers 5.
 */
export function followDecoderWeights(
  config: DecoderConfig,
  weights: CheckpointTensors,
): DecoderConfig {
  const { base, embedding } = config.names;
  const isStored = (prefix: string) => weights.has(`${prefix}${embedding}.weight`);
  const storedBase = !isStored(base) && isStored("") ? "" : base;
  const shared = `${storedBase}${embedding}.weight`;
  const tied = config.tied &&
    !(weights.has(HEAD) && weights.has(shared) && !weights.same(HEAD, shared));
  return { ...config, storedBase, tied };
}

/**
 * Checks that a checkpoint has nothing that its model would leave out.
 *
 * @param path path of config.json, for messages
 * @param labels number of labels of a classifier, which leaves out the head of a language model
 * @throws {UserError} naming a tensor that the model has no place for
 */
export function checkDecoderTensors(
  config: DecoderConfig,
  weights: CheckpointTensors,
  path: string,
  labels: number | null = null,
): void {
  const known = new Set(tensorNames(config, labels));
  const extra = [...weights.names()].filter((name) =>
    !known.has(name) && !config.names.ignored.test(name) && !VALUE_HEAD.test(name) &&
    !(name === HEAD && (config.tied || labels !== null))
  );
  if (extra.length === 0) return;
  const others = extra.length > 1 ? ` and ${extra.length - 1} more tensors` : "";
  throw new UserError(
    `${path}: the weights have "${
      extra[0]
    }"${others}, which a "${config.modelType}" model of this ` +
      "config.json has no place for",
  );
}

/** Places of a model's layers in a checkpoint. */
export function decoderLayout(config: DecoderConfig): CheckpointLayout {
  const { names: { base }, storedBase, transposed, tied } = config;
  return {
    repeated: tied ? [HEAD] : [],
    weight: (module) => ({
      name: `${module.startsWith(base) ? storedBase + module.slice(base.length) : module}.weight`,
      fanInFanOut: transposed,
    }),
    inClassifier(name) {
      if (name === HEAD || VALUE_HEAD.test(name)) return null;
      return storedBase === base || name === CLASSIFIER_HEAD ? name : base + name;
    },
  };
}

/** Names of the tensors that a model asks its store for. */
export function tensorNames(config: DecoderConfig, labels: number | null = null): string[] {
  const names = new NameStore();
  new DecoderWeights(config, names, labels);
  return names.names;
}

/** Number of weights of a model; tied ones count once. */
export function decoderParameterCount(config: DecoderConfig): number {
  return new DecoderWeights(config, new NameStore()).count;
}

/** Notes the names of the weights that are asked for; there is nothing behind what it gives. */
class NameStore implements WeightStore {
  readonly names: string[] = [];

  has(_name: string): boolean {
    return true;
  }

  matrix(name: string): WeightMatrix {
    return this.#note<WeightMatrix>(name);
  }

  table(name: string): Tensor {
    return this.#note<Tensor>(name);
  }

  tensor(name: string): Tensor {
    return this.#note<Tensor>(name);
  }

  together<T>(make: () => T): T {
    return make();
  }

  #note<T>(name: string): T {
    this.names.push(name);
    return undefined as T;
  }
}
