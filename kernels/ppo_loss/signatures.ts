import { signature } from "../../lib/device/signature.ts";

/** The clipped PPO loss over f32 [tokens], its statistics and its gradients. */
export const PPO_LOSS = signature({
  name: "ppo_loss",
  outputs: { statistics: "f32", dLogprobs: "f32", dValues: "f32" },
  inputs: {
    logprobs: "f32",
    values: "f32",
    oldLogprobs: "f32",
    oldValues: "f32",
    advantages: "f32",
    returns: "f32",
    mask: "f32",
    entropy: "f32",
  },
  bindings: { given: ["oldLogprobs", "oldValues", "advantages", "returns", "mask"] },
  ints: ["tokens"],
  floats: ["clipRange", "clipRangeValue", "vfCoef", "gradScale"],
});
