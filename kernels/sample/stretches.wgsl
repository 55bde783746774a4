// Common to the kernels that draw: the vocabulary in stretches, one a thread of a workgroup of a row.

/** Sum of the likelihoods of each stretch. */
var<workgroup> stretch_sums: array<f32, ROW_THREADS>;

/** A stretch, and the sum of those before it. */
struct Stretch {
  index: u32,
  below: f32,
}

fn sum_of_stretches() -> f32 {
  var total = 0.0;
  for (var t = 0u; t < ROW_THREADS; t++) {
    total += stretch_sums[t];
  }
  return total;
}

/** The stretch in which the sum exceeds the goal; should rounding hide it, the last that weighs. */
fn stretch_at(goal: f32) -> Stretch {
  var found = Stretch(0u, 0.0);
  var below = 0.0;
  for (var t = 0u; t < ROW_THREADS; t++) {
    if (stretch_sums[t] > 0.0) {
      found = Stretch(t, below);
    }
    below += stretch_sums[t];
    if (below > goal) {
      break;
    }
  }
  return found;
}
