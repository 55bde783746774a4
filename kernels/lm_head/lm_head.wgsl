// Twin of lm_head.wasm.ts, whose long sums are f64; here they are f32, pairwise over the threads.

struct ChunkParams {
  row_state: u32,
  logits: u32,
  targets: u32,
  rows: u32,
  columns: u32,
  stride: u32,
  column_start: u32,
  first: u32,
}

struct FinishParams {
  logprobs: u32,
  entropy: u32,
  lse: u32,
  row_state: u32,
  rows: u32,
}

struct BackwardParams {
  logits: u32,
  targets: u32,
  lse: u32,
  d_logprobs: u32,
  rows: u32,
  columns: u32,
  stride: u32,
  column_start: u32,
}

@group(0) @binding(0) var<storage, read_write> row_state: array<f32>;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<i32>;
@group(1) @binding(0) var<uniform> p: ChunkParams;

@group(0) @binding(0) var<storage, read_write> logprobs_out: array<f32>;
@group(0) @binding(1) var<storage, read_write> entropy_out: array<f32>;
@group(0) @binding(2) var<storage, read_write> lse_out: array<f32>;
@group(0) @binding(3) var<storage, read> final_state: array<f32>;
@group(1) @binding(0) var<uniform> f: FinishParams;

@group(0) @binding(0) var<storage, read_write> d_logits: array<f32>;
@group(0) @binding(1) var<storage, read> backward_targets: array<i32>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> d_logprobs: array<f32>;
@group(1) @binding(0) var<uniform> q: BackwardParams;

/** Folds a chunk into each row's running maximum, Σ e^(x-max), Σ e^(x-max) (x-max), x[target]. */
@compute @workgroup_size(ROW_THREADS)
fn log_softmax_chunk(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_group(group, groups);
  if (row >= p.rows) {
    return;
  }
  let start = p.logits + row * p.stride;
  let at = p.row_state + 4u * row;
  var folded = LogSoftmax(0.0, 0.0, 0.0);
  if (p.first == 0u) {
    folded = LogSoftmax(row_state[at], row_state[at + 1u], row_state[at + 2u]);
  }
  folded = fold_logits(folded, p.first != 0u, start, p.columns, thread);
  if (thread != 0u) {
    return;
  }
  row_state[at] = folded.highest;
  row_state[at + 1u] = folded.sum;
  row_state[at + 2u] = folded.moment;
  let column = targets[p.targets + row] - i32(p.column_start);
  if (column >= 0 && column < i32(p.columns)) {
    row_state[at + 3u] = logits[start + u32(column)];
  }
}

/** logprob = x[target] - lse; entropy = lse - Σ p x; lse = max + log Σ e^(x-max). */
@compute @workgroup_size(256)
fn log_softmax_finish(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_group(group, groups) * 256u + thread;
  if (row >= f.rows) {
    return;
  }
  let at = f.row_state + 4u * row;
  let highest = final_state[at];
  let sum = final_state[at + 1u];
  let log_sum = log_f32(sum);
  logprobs_out[f.logprobs + row] = logprob_of(final_state[at + 3u], highest, log_sum);
  entropy_out[f.entropy + row] = log_sum - final_state[at + 2u] / sum;
  lse_out[f.lse + row] = highest + log_sum;
}

/** x becomes dlogprob · ((column is target) - e^(x - lse)); a workgroup takes a row. */
@compute @workgroup_size(ROW_THREADS)
fn log_softmax_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_group(group, groups);
  if (row >= q.rows) {
    return;
  }
  let start = q.logits + row * q.stride;
  let gradient = d_logprobs[q.d_logprobs + row];
  let shift = lse[q.lse + row];
  let column = backward_targets[q.targets + row] - i32(q.column_start);
  for (var j = thread; j < q.columns; j += ROW_THREADS) {
    var d = 0.0;
    if (gradient != 0.0) {
      d = -gradient * exp_f32(d_logits[start + j] - shift);
      if (i32(j) == column) {
        d += gradient;
      }
    }
    d_logits[start + j] = d;
  }
}
