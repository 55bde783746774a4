import { relativeBias as launch } from "../../../kernels/relative_bias/relative_bias.ts";
import type { Context } from "../../tensor/context.ts";
import { relativeBias } from "../../tensor/ops/relative_bias.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { T5Config } from "./config.ts";

/**
 * Bucket of a distance (key position - query position) in T5's relative attention: exact for
 * near keys, logarithmic up to `maxDistance`, as transformers' `_relative_position_bucket`.
 */
export function relativeBucket(
  distance: number,
  bidirectional: boolean,
  buckets: number,
  maxDistance: number,
): number {
  let bucket = 0;
  let position: number;
  if (bidirectional) {
    buckets = Math.floor(buckets / 2);
    if (distance > 0) bucket = buckets;
    position = Math.abs(distance);
  } else position = Math.max(-distance, 0);
  const exact = Math.floor(buckets / 2);
  if (position < exact) return bucket + position;
  // In f32 steps, as torch does: the truncation must fall on the same side.
  const ratio = Math.fround(Math.log(Math.fround(position / exact)));
  const share = Math.fround(ratio / Math.log(maxDistance / exact));
  const far = exact + Math.trunc(Math.fround(share * (buckets - exact)));
  return bucket + Math.min(far, buckets - 1);
}

/** Bias of one stack's self-attention, expanded from buckets to distances as far as needed. */
export class RelativeBias {
  #frozen: Tensor | null = null;

  constructor(
    private readonly config: T5Config,
    /** [buckets, heads] */
    private readonly weight: Tensor,
    private readonly bidirectional: boolean,
  ) {}

  /** [heads, 2R + 1] with R at least `maxLength` - 1; kept from pass to pass while frozen. */
  table(cx: Context, maxLength: number): Tensor {
    if (this.weight.requiresGrad) {
      return relativeBias(cx, this.weight, cx.from(this.#buckets(maxLength)));
    }
    if (this.#frozen && (this.#frozen.width - 1) / 2 >= maxLength - 1) return this.#frozen;
    // Grown by doubling, so that lengths that creep up do not rebuild it each time. A tape may still
    // need the shorter tables, so they stay: all of them together are no larger than the new one.
    const reach = 2 ** Math.ceil(Math.log2(Math.max(128, maxLength)));
    const ids = cx.from(this.#buckets(reach));
    const heads = this.weight.width;
    const buffer = cx.device.alloc(heads * ids.length * 4);
    this.#frozen = new Tensor(cx.device, buffer, [heads, ids.length]);
    launch(cx.device, this.#frozen, this.weight, ids, heads, ids.length);
    return this.#frozen;
  }

  #buckets(reach: number): Int32Array {
    const { relativeAttentionNumBuckets: buckets, relativeAttentionMaxDistance: far } = this.config;
    return Int32Array.from(
      { length: 2 * reach + 1 },
      (_, i) => relativeBucket(i - reach, this.bidirectional, buckets, far),
    );
  }
}
