// The variant for GPUs with subgroups, as `broadcast` in matmul_subgroups.wgsl: a workgroup is one
// subgroup, a thread computes four neighbouring columns of eight rows, and reads four elements at once:
// depth and ranks are multiples of four. Follows matmul_fours.wgsl.

/** Threads of a subgroup. */
override SUBGROUP: u32 = 8u;

/** Place of a thread: the row that it reads for all, its rows and columns. */
struct Place {
  read_row: u32,
  first_row: u32,
  column: u32,
}

/** Four columns of eight rows. */
struct Rows {
  upper: mat4x4f,
  lower: mat4x4f,
}

/** The sums, and the next four products of the threads' rows of A with the columns of `block`. */
fn add_rows(sums: Rows, four: vec4f, block: mat4x4f) -> Rows {
  return Rows(
    mat4x4f(
      add_row(sums.upper[0], subgroupBroadcast(four, 0u), block),
      add_row(sums.upper[1], subgroupBroadcast(four, 1u), block),
      add_row(sums.upper[2], subgroupBroadcast(four, 2u), block),
      add_row(sums.upper[3], subgroupBroadcast(four, 3u), block),
    ),
    mat4x4f(
      add_row(sums.lower[0], subgroupBroadcast(four, 4u), block),
      add_row(sums.lower[1], subgroupBroadcast(four, 5u), block),
      add_row(sums.lower[2], subgroupBroadcast(four, 6u), block),
      add_row(sums.lower[3], subgroupBroadcast(four, 7u), block),
    ),
  );
}

/** total + factor · sums */
fn add_chunk(total: Rows, factor: f32, sums: Rows) -> Rows {
  return Rows(
    add_scaled(total.upper, vec4f(factor), sums.upper),
    add_scaled(total.lower, vec4f(factor), sums.lower),
  );
}

fn add_scaled(total: mat4x4f, factor: vec4f, sums: mat4x4f) -> mat4x4f {
  return mat4x4f(
    fma(factor, sums[0], total[0]),
    fma(factor, sums[1], total[1]),
    fma(factor, sums[2], total[2]),
    fma(factor, sums[3], total[3]),
  );
}

/** Beginnings of four columns of a row-major matrix; of the last where there are fewer. */
fn column_starts(column: u32, n: u32, depth: u32) -> vec4u {
  return min(column + vec4u(0u, 1u, 2u, 3u), vec4u(n - 1u)) * depth;
}

@compute @workgroup_size(SUBGROUP)
fn several_broadcast(
  @builtin(workgroup_id) group: vec3u,
  @builtin(subgroup_invocation_id) thread: u32,
) {
  var piece = Piece(0u, group.x);
  if (!GATED) {
    piece = piece_of(group.x, SUBGROUP * 4u);
  }
  let first_row = group.y * 8u;
  let column = (piece.index * SUBGROUP + thread) * 4u;
  let place = Place(min(first_row + thread % 8u, p.m - 1u), first_row, column);
  if (piece.product == 0u) {
    let values = product_0(place);
    if (GATED) {
      let gates = product_1(place);
      for (var i = 0u; i < 4u; i++) {
        store_0(first_row + i, column, activated(values.upper[i]) * gates.upper[i]);
        store_0(first_row + 4u + i, column, activated(values.lower[i]) * gates.lower[i]);
      }
    } else {
      for (var i = 0u; i < 4u; i++) {
        store_0(first_row + i, column, activated(values.upper[i]));
        store_0(first_row + 4u + i, column, activated(values.lower[i]));
      }
    }
  } else if (piece.product == 1u) {
    let values = product_1(place);
    for (var i = 0u; i < 4u; i++) {
      store_1(first_row + i, column, values.upper[i]);
      store_1(first_row + 4u + i, column, values.lower[i]);
    }
  } else {
    let values = product_2(place);
    for (var i = 0u; i < 4u; i++) {
      store_2(first_row + i, column, values.upper[i]);
      store_2(first_row + 4u + i, column, values.lower[i]);
    }
  }
}
