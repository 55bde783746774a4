// Scores of a row's tokens, from which one is drawn. Follows row.wgsl.

/** Last word of Philox's counter: the first of the uses listed in the prelude. */
const PURPOSE = 0u;

/** Unsigned integers in the order of the scores. */
fn key_of(z: f32) -> u32 {
  let bits = bitcast<u32>(z);
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

/** The scores of a row that are left: those whose key is below `top_k_key` are removed by top-k. */
struct Scores {
  row: Row,
  top_k_key: u32,
}

/** Score of what is removed, below all others: WGSL may take it that there is no infinity. */
const REMOVED = LOWEST_LOGIT;
/** The lowest other score. */
const LOWEST = -3.4028232635611926e38;

/** logits / temperature; REMOVED for -∞, and for what is banned or removed by top-k. */
fn score(scores: Scores, token: u32) -> f32 {
  if (is_banned(scores.row, token)) {
    return REMOVED;
  }
  let quotient = penalised(scores.row, token) / p.temperature;
  if (bitcast<u32>(quotient) == MINUS_INFINITY) {
    return REMOVED;
  }
  // -0 becomes 0: keys would tell them apart.
  let z = select(quotient, 0.0, quotient == 0.0);
  return select(select(z, LOWEST, z < LOWEST), REMOVED, key_of(z) < scores.top_k_key);
}

/** e^(z - highest); 0 for what is removed. */
fn weight_of(z: f32, highest: f32) -> f32 {
  return select(exp_f32(z - highest), 0.0, z == REMOVED);
}

/** Probability of a score by that of the highest; 0 where min-p removes it. */
fn likelihood(z: f32, highest: f32) -> f32 {
  let e = weight_of(z, highest);
  return select(0.0, e, e >= p.min_p);
}
