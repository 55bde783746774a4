import type { Device, Span } from "../device/device.ts";

/**
 * A loss over the tokens of a batch, as a value: it says what it is computed from, and launches a
 * kernel that leaves its statistics and its gradients.
 */
export interface TokenLoss<Need extends string = never> {
  /** Per-token inputs beside those that the pass computes: "advantages", "oldLogprobs". */
  readonly needs: readonly Need[];
  /** Names of the statistics that the kernel leaves, in their order. */
  readonly statistics: readonly string[];
  /** Launches the kernel. */
  launch(device: Device, args: TokenLossArguments<Need>): void;
}

/** Arguments of a token loss; every span is f32 [tokens] unless it says otherwise. */
export interface TokenLossArguments<Need extends string> {
  /** Positions of the pass. */
  readonly tokens: number;
  /** 1 where a position counts, 0 where it does not; in one block with `inputs`. */
  readonly mask: Span;
  /** Log-probabilities of the policy that is trained, in nats. */
  readonly logprobs: Span;
  /** Entropy of its distribution, in nats. */
  readonly entropy: Span;
  /** Values of its value head; null without one. */
  readonly values: Span | null;
  /** Further inputs, by the names in `needs`. */
  readonly inputs: Readonly<Record<Need, Span>>;
  /** Part of the update that this pass makes up. */
  readonly share: Share;
  /** Statistics, f32 [their number], written; null where there are none. */
  readonly statistics: Span | null;
  /** Gradient of the loss by the log-probabilities, written. */
  readonly dLogprobs: Span;
  /** Gradient by the values, written; null without a value head. */
  readonly dValues: Span | null;
}

/**
 * Counted positions of a pass, and of all passes of one optimizer step. A loss is the mean over all
 * of the step's positions, so dividing them into passes changes nothing but rounding.
 */
export interface Share {
  /** Positions of this pass. */
  readonly tokens: number;
  /** Positions of the whole step. */
  readonly of: number;
}
