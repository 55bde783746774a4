// A variant for many rows that every GPU can run: tiles of A and B in workgroup memory, 8 x 4 elements of
// C a thread. Follows matmul_shared.wgsl and matmul_elements.wgsl. Lines with I are repeated for 0 to 3
// (`numberedLines` in kernels/wgsl.ts).

/** Threads of a workgroup along the columns and the rows of C. */
override COLUMN_THREADS: u32 = 16u;
override LINE_THREADS: u32 = 16u;

/** Depth of the tiles: a chunk is two of them. */
const TILE_DEPTH = 16u;

/** One of the two products. */
struct Product {
  second: bool,
  depth: u32,
  alpha: f32,
}

/** By k, then by four rows or four columns. */
var<workgroup> tile_a: array<vec4f, TILE_DEPTH * LINE_THREADS * 2u>;
var<workgroup> tile_b: array<vec4f, TILE_DEPTH * COLUMN_THREADS>;

/** The thread's rows of C. */
var<private> total: array<vec4f, 8>;

fn add_product(product: Product, group: vec3u, thread: vec3u) {
  let index = thread.y * COLUMN_THREADS + thread.x;
  let threads = COLUMN_THREADS * LINE_THREADS;
  let row_fours = LINE_THREADS * 2u;
  let first_row = group.y * row_fours * 4u;
  let first_column = group.x * COLUMN_THREADS * 4u;
  // Neighbouring threads read neighbouring elements: along k, or along the rows or columns.
  let a_along_k = product.second || p.a_column_stride == 1u;
  let b_along_k = select(p.b_k_stride, p.b2_k_stride, product.second) == 1u;
  for (var chunk = 0u; chunk < product.depth; chunk += CHUNK) {
    var upper_I = vec4f();
    var lower_I = vec4f();
    for (var start = chunk; start < min(chunk + CHUNK, product.depth); start += TILE_DEPTH) {
      for (var i = index; i < TILE_DEPTH * row_fours; i += threads) {
        let k = select(i / row_fours, i % TILE_DEPTH, a_along_k);
        let four = select(i % row_fours, i / TILE_DEPTH, a_along_k);
        var rows = vec4f();
        if (start + k < product.depth) {
          let starts = a_starts(product.second, first_row + four * 4u);
          rows = a_rows(product.second, starts, start + k);
        }
        tile_a[k * row_fours + four] = rows;
      }
      for (var i = index; i < TILE_DEPTH * COLUMN_THREADS; i += threads) {
        let k = select(i / COLUMN_THREADS, i % TILE_DEPTH, b_along_k);
        let four = select(i % COLUMN_THREADS, i / TILE_DEPTH, b_along_k);
        var columns = vec4f();
        if (start + k < product.depth) {
          let starts = b_starts(product.second, first_column + four * 4u);
          columns = b_columns(product.second, starts, start + k);
        }
        tile_b[k * COLUMN_THREADS + four] = columns;
      }
      workgroupBarrier();
      for (var k = 0u; k < TILE_DEPTH; k++) {
        let columns = tile_b[k * COLUMN_THREADS + thread.x];
        let upper_rows = tile_a[k * row_fours + thread.y * 2u];
        let lower_rows = tile_a[k * row_fours + thread.y * 2u + 1u];
        upper_I = fma(vec4f(upper_rows[I]), columns, upper_I);
        lower_I = fma(vec4f(lower_rows[I]), columns, lower_I);
      }
      workgroupBarrier();
    }
    let alpha = vec4f(product.alpha);
    total[I] = fma(alpha, upper_I, total[I]);
    total[I + 4u] = fma(alpha, lower_I, total[I + 4u]);
  }
}

@compute @workgroup_size(COLUMN_THREADS, LINE_THREADS)
fn tiled(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let row = (group.y * LINE_THREADS + thread.y) * 8u;
  let column = (group.x * COLUMN_THREADS + thread.x) * 4u;
  for (var i = 0u; i < 8u; i++) {
    total[i] = initial4(row + i, column);
  }
  add_product(Product(false, p.k, p.alpha), group, thread);
  if (p.k2 > 0u) {
    add_product(Product(true, p.k2, p.alpha2), group, thread);
  }
  for (var i = 0u; i < 8u; i++) {
    store4(row + i, column, total[i]);
  }
}
