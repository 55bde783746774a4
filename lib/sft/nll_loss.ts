import { scale } from "../../kernels/elementwise/elementwise.ts";
import type { TokenLoss } from "../training/token_loss.ts";

/**
 * Negative log-likelihood of the targets: the mean of -log p over the step's counted positions. Its
 * value follows from the log-probabilities that the pass reports, so the kernel leaves no statistics.
 */
export const nllLoss: TokenLoss = {
  needs: [],
  statistics: [],
  launch(device, { mask, tokens, share, dLogprobs }) {
    scale(device, dLogprobs, mask, tokens, -1 / share.of);
  },
};
