import { PPO_LOSS_STATISTICS, ppoLoss as launchPpoLoss } from "../../kernels/ppo_loss/ppo_loss.ts";
import type { TokenLoss } from "../training/token_loss.ts";
import type { PPOConfig } from "./ppo_config.ts";

/**
 * PPO's clipped policy loss plus `vfCoef` times its clipped value loss (Schulman et al. 2017, as in
 * TRL 0.4). Advantages are to be whitened before.
 */
export function ppoLoss(
  { cliprange, cliprangeValue, vfCoef }: Pick<PPOConfig, "cliprange" | "cliprangeValue" | "vfCoef">,
): TokenLoss<"oldLogprobs" | "oldValues" | "advantages" | "returns"> {
  return {
    needs: ["oldLogprobs", "oldValues", "advantages", "returns"],
    statistics: PPO_LOSS_STATISTICS,
    launch(device, { inputs, share, statistics, dLogprobs, dValues, values, ...pass }) {
      if (!values || !dValues || !statistics) throw new RangeError("PPO needs a value head");
      launchPpoLoss(
        device,
        { ...pass, ...inputs, values },
        {
          clipRange: cliprange,
          clipRangeValue: cliprangeValue,
          vfCoef,
          gradScale: share.tokens / share.of,
        },
        { statistics, dLogprobs, dValues },
      );
    },
  };
}
