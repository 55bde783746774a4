import { scale } from "../../kernels/elementwise/elementwise.ts";
import { LoraAdapter } from "../nn/lora.ts";
import { Parameters } from "../nn/parameters.ts";

/** The same adapter with parameters of its own, which no one trains. */
export function frozenCopy({ config, parameters }: LoraAdapter): LoraAdapter {
  const specs = parameters.names.map((name) => ({ name, shape: [...parameters.get(name).shape] }));
  const copy = Parameters.create(parameters.values.device, specs, { trainable: false });
  copy.copyFrom(parameters);
  return new LoraAdapter(config, copy);
}

/**
 * Moves a reference towards the policy: `alpha · policy + (1 - alpha) · reference`, as TRL's
 * `SyncRefModelCallback` (https://arxiv.org/abs/2404.09656).
 */
export function moveReference(reference: Parameters, policy: Parameters, alpha: number): void {
  const { values } = reference;
  scale(values.device, values, values, values.length, 1 - alpha);
  scale(values.device, values, policy.values, values.length, alpha, true);
  reference.revision++;
}
