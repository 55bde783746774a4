// The variant for GPUs with subgroups: threads pass A on to each other in registers, with neither
// workgroup memory nor barriers. A workgroup is one subgroup, of 8 threads or more; a thread computes
// four neighbouring columns of eight rows. It reads four elements at once: what is contiguous must
// begin and end at multiples of four (see `comesInFours` in matmul_gpu.ts). Lines with I are repeated
// for 0 to 3 (`numberedLines` in kernels/wgsl.ts). Follows matmul_shared.wgsl and matmul_fours.wgsl.

/** Threads of a subgroup. */
override SUBGROUP: u32 = 8u;
/** Neighbours in A, B and B2 are along k; else they are along the rows or columns. */
override A_ALONG_K: bool = true;
override B_ALONG_K: bool = true;
override B2_ALONG_K: bool = true;

/** Four neighbours in B. */
fn b_four(second: bool, element: u32) -> vec4f {
  if (second) {
    return b2[(p.b2 + element) / 4u];
  }
  if (BF16) {
    return widen4(b[(p.b + element / 2u) / 2u]);
  }
  let at = (p.b + element) / 2u;
  return bitcast<vec4f>(vec4u(b[at], b[at + 1u]));
}

/** B at four k and four columns; [i] has the columns of k + i. */
fn b_block(second: bool, along_k: bool, column: u32, k: u32, depth: u32) -> mat4x4f {
  if (along_k) {
    let stride = select(p.b_n_stride, p.b2_n_stride, second);
    let starts = min(column + vec4u(0u, 1u, 2u, 3u), vec4u(p.n - 1u)) * stride + k;
    return transpose(mat4x4f(
      b_four(second, starts[I]),
    ));
  }
  let stride = select(p.b_k_stride, p.b2_k_stride, second);
  let starts = min(k + vec4u(0u, 1u, 2u, 3u), vec4u(depth - 1u)) * stride + min(column, p.n - 4u);
  return mat4x4f(
    b_four(second, starts[I]),
  );
}

var<private> total: array<vec4f, 8>;

fn add_product(
  second: bool,
  b_along_k: bool,
  depth: u32,
  alpha: f32,
  first_row: u32,
  column: u32,
  lane: u32,
) {
  // Along k: the thread's row. Across: its four rows, and which of four k it reads.
  let row = min(first_row + lane, p.m - 1u);
  let four_rows = min(first_row + lane % 2u * 4u, max(p.m, 4u) - 4u);
  for (var chunk = 0u; chunk < depth; chunk += CHUNK) {
    var upper_I = vec4f();
    var lower_I = vec4f();
    for (var k = chunk; k < min(chunk + CHUNK, depth); k += 4u) {
      let block = b_block(second, b_along_k, column, k, depth);
      if (second || A_ALONG_K) {
        var four = vec4f();
        if (second) {
          four = a2[(p.a2 + row * p.k2 + k) / 4u];
        } else {
          four = a[(p.a + row * p.a_row_stride + k) / 4u];
        }
        upper_I = add_row(upper_I, subgroupBroadcast(four, I), block);
        lower_I = add_row(lower_I, subgroupBroadcast(four, I + 4u), block);
      } else {
        // Elements beyond the last k count as zero.
        let at = k + lane / 2u;
        var four = a[(p.a + min(at, depth - 1u) * p.a_column_stride + four_rows) / 4u];
        four = select(vec4f(), four, at < depth);
        let upper_rows = transpose(mat4x4f(
          subgroupBroadcast(four, 2u * I),
        ));
        let lower_rows = transpose(mat4x4f(
          subgroupBroadcast(four, 2u * I + 1u),
        ));
        upper_I = add_row(upper_I, upper_rows[I], block);
        lower_I = add_row(lower_I, lower_rows[I], block);
      }
    }
    let factor = vec4f(alpha);
    total[I] = fma(factor, upper_I, total[I]);
    total[I + 4u] = fma(factor, lower_I, total[I + 4u]);
  }
}

@compute @workgroup_size(SUBGROUP)
fn broadcast(
  @builtin(workgroup_id) group: vec3u,
  @builtin(subgroup_invocation_id) thread: u32,
) {
  let first_row = group.y * 8u;
  let column = (group.x * SUBGROUP + thread) * 4u;
  let lane = thread % 8u;
  for (var i = 0u; i < 8u; i++) {
    total[i] = initial4(first_row + i, column);
  }
  add_product(false, B_ALONG_K, p.k, p.alpha, first_row, column, lane);
  if (p.k2 > 0u) {
    add_product(true, B2_ALONG_K, p.k2, p.alpha2, first_row, column, lane);
  }
  for (var i = 0u; i < 8u; i++) {
    store4(first_row + i, column, total[i]);
  }
}
