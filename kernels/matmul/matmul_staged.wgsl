// Variants for many rows and columns. A thread computes 8 x 4 elements of C, or two such blocks, and
// stages its part of the tiles of A and B in workgroup memory: it loads the next tiles into registers
// while the workgroup computes with the current ones. Like `broadcast`, it loads four elements at once.
//
// Lines with I are repeated for 0 to 3, those with N for each block (`numberedLines` in kernels/wgsl.ts).

/** Threads of a workgroup along the columns and the rows of C; LINE_THREADS is a multiple of 8. */
override COLUMN_THREADS: u32 = 16u;
override LINE_THREADS: u32 = 16u;

/** Depth of the tiles: a chunk is two of them. */
const TILE_DEPTH = 16u;

/** By k, then by four rows or four columns: see `place_in_tile`. */
var<workgroup> tile_a: array<vec4f, TILE_DEPTH * 2u * LINE_THREADS>;
var<workgroup> tile_b: array<vec4f, TILE_DEPTH * COLUMN_FOURS * COLUMN_THREADS>;

/**
 * Index in a tile of four rows or columns at k = 4 `k_four`. Swizzled, so that threads that store the
 * same rows at different k use different memory banks.
 */
fn place_in_tile(k_four: u32, four: u32, fours: u32) -> u32 {
  return k_four * 4u * fours + (four ^ (k_four * 2u));
}

/** A thread's part in staging a product's operands. */
struct Source {
  second: bool,
  depth: u32,
  /** The matrix it reads; neither for threads that are left over. */
  of_a: bool,
  of_b: bool,
  /** Index of its four rows or columns within the tile, and of its four k. */
  four: u32,
  k_four: u32,
  /** Memory is contiguous along k; else along the rows or columns. */
  along_k: bool,
  /** Elements between one k and the next. */
  k_stride: u32,
  /** First elements of the four rows or columns if `along_k`; else that of the first one, four times. */
  starts: vec4u,
}

fn source_of(second: bool, group: vec3u, thread: vec3u) -> Source {
  var source: Source;
  source.second = second;
  source.depth = select(p.k, p.k2, second);
  let a_fours = 2u * LINE_THREADS;
  let b_fours = COLUMN_FOURS * COLUMN_THREADS;
  let index = thread.y * COLUMN_THREADS + thread.x;
  source.of_a = index < a_fours * 4u;
  source.of_b = !source.of_a && index < (a_fours + b_fours) * 4u;
  source.k_stride = select(
    select(p.b_k_stride, p.b2_k_stride, second),
    select(p.a_column_stride, 1u, second),
    source.of_a,
  );
  source.along_k = source.k_stride == 1u;
  let fours = select(b_fours, a_fours, source.of_a);
  let i = select(index - a_fours * 4u, index, source.of_a);
  // Adjacent threads read adjacent memory.
  source.four = select(i % fours, i / 4u, source.along_k);
  source.k_four = select(i / fours, i % 4u, source.along_k);
  let first = (select(group.x, group.y, source.of_a) * fours + source.four) * 4u;
  let count = select(p.n, p.m, source.of_a);
  if (source.along_k) {
    let stride = select(
      select(p.b_n_stride, p.b2_n_stride, second),
      select(p.a_row_stride, p.k2, second),
      source.of_a,
    );
    source.starts = min(first + vec4u(0u, 1u, 2u, 3u), vec4u(count - 1u)) * stride;
  } else {
    source.starts = vec4u(min(first, count - 4u));
  }
  return source;
}

/** Four adjacent elements of B, as stored: bf16 in the first two words. */
fn b_words(element: u32) -> vec4u {
  if (BF16) {
    return vec4u(b[(p.b + element / 2u) / 2u], 0u, 0u);
  }
  let at = (p.b + element) / 2u;
  return vec4u(b[at], b[at + 1u]);
}

/** Fetched words, converted only when they are needed: converting them would wait for the load. */
var<private> fetched_I: vec4u;

/** Starts loading the tiles at k = `start`; values beyond the last k are arbitrary. */
fn fetch(source: Source, start: u32) {
  let k = start + source.k_four * 4u;
  let at = source.starts + select(
    min(k + vec4u(0u, 1u, 2u, 3u), vec4u(source.depth - 1u)) * source.k_stride,
    vec4u(min(k, max(source.depth, 4u) - 4u)),
    source.along_k,
  );
  if (source.of_a) {
    if (source.second) {
      fetched_I = bitcast<vec4u>(a2[(p.a2 + at[I]) / 4u]);
    } else {
      fetched_I = bitcast<vec4u>(a[(p.a + at[I]) / 4u]);
    }
  } else if (source.of_b) {
    if (source.second) {
      fetched_I = bitcast<vec4u>(b2[(p.b2 + at[I]) / 4u]);
    } else {
      fetched_I = b_words(at[I]);
    }
  }
}

/** Four fetched values as f32. */
fn widened(words: vec4u, is_bf16: bool) -> vec4f {
  if (is_bf16) {
    return widen4(words.xy);
  }
  return bitcast<vec4f>(words);
}

/** Fetched values by k: four rows or columns each; zeros beyond the last k. */
fn fetched_block(source: Source, start: u32) -> mat4x4f {
  let is_bf16 = BF16 && source.of_b && !source.second;
  var block = mat4x4f(
    widened(fetched_I, is_bf16),
  );
  if (source.along_k) {
    block = transpose(block);
  }
  let k = start + source.k_four * 4u;
  if (k + 4u > source.depth) {
    block[I] = select(vec4f(), block[I], k + I < source.depth);
  }
  return block;
}

/** Stores the fetched values in the tiles, which begin at k = `start`. */
fn fill_tiles(source: Source, start: u32) {
  let block = fetched_block(source, start);
  if (source.of_a) {
    let fours = 2u * LINE_THREADS;
    let at = place_in_tile(source.k_four, source.four, fours);
    tile_a[at + I * fours] = block[I];
  } else if (source.of_b) {
    let fours = COLUMN_FOURS * COLUMN_THREADS;
    let at = place_in_tile(source.k_four, source.four, fours);
    tile_b[at + I * fours] = block[I];
  }
}

/** Sums of a chunk, and the thread's elements of C: eight rows, upper and lower, of four columns. */
var<private> upper_I_N: vec4f;
var<private> lower_I_N: vec4f;
var<private> upper_total_I_N: vec4f;
var<private> lower_total_I_N: vec4f;

/** Adds the products at one k, from these places in the tiles. */
fn add_k(row_place: u32, column_place: u32) {
  let upper_rows = tile_a[row_place];
  let lower_rows = tile_a[row_place + LINE_THREADS];
  let columns_N = tile_b[column_place + N * COLUMN_THREADS];
  upper_I_N = fma(vec4f(upper_rows[I]), columns_N, upper_I_N);
  lower_I_N = fma(vec4f(lower_rows[I]), columns_N, lower_I_N);
}

fn add_tiles(thread: vec3u) {
  let row_fours = 2u * LINE_THREADS;
  let column_fours = COLUMN_FOURS * COLUMN_THREADS;
  for (var k_four = 0u; k_four < TILE_DEPTH / 4u; k_four++) {
    let rows = place_in_tile(k_four, thread.y, row_fours);
    let columns = place_in_tile(k_four, thread.x, column_fours);
    add_k(rows + I * row_fours, columns + I * column_fours);
  }
}

/** Adds one of the two products. */
fn add_product(second: bool, group: vec3u, thread: vec3u) {
  let source = source_of(second, group, thread);
  let depth = select(p.k, p.k2, second);
  let alpha = vec4f(select(p.alpha, p.alpha2, second));
  fetch(source, 0u);
  for (var chunk = 0u; chunk < depth; chunk += CHUNK) {
    upper_I_N = vec4f();
    lower_I_N = vec4f();
    for (var start = chunk; start < min(chunk + CHUNK, depth); start += TILE_DEPTH) {
      // All threads are done with the previous tiles.
      workgroupBarrier();
      fill_tiles(source, start);
      workgroupBarrier();
      if (start + TILE_DEPTH < depth) {
        fetch(source, start + TILE_DEPTH);
      }
      add_tiles(thread);
    }
    upper_total_I_N = fma(alpha, upper_I_N, upper_total_I_N);
    lower_total_I_N = fma(alpha, lower_I_N, lower_total_I_N);
  }
}

@compute @workgroup_size(COLUMN_THREADS, LINE_THREADS)
fn staged(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let upper = (group.y * 2u * LINE_THREADS + thread.y) * 4u;
  let lower = upper + LINE_THREADS * 4u;
  let column_N = ((group.x * COLUMN_FOURS + N) * COLUMN_THREADS + thread.x) * 4u;
  upper_total_I_N = initial4(upper + I, column_N);
  lower_total_I_N = initial4(lower + I, column_N);
  for (var number = 0u; number < select(1u, 2u, p.k2 > 0u); number++) {
    add_product(number == 1u, group, thread);
  }
  store4(upper + I, column_N, upper_total_I_N);
  store4(lower + I, column_N, lower_total_I_N);
}
