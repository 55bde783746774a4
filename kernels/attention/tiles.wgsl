// Products of tiles of 32 x 32 in workgroup memory, and the sums that every attention kernel makes
// in the same order, so that a full pass and decoding agree bit for bit:
// - a dot product is the sum of its quads (four products fused into one another), in order;
// - keys are taken in blocks of TILE from a sequence's first on; a block has its own maximum, its
//   sums are again sums of quads, and blocks are merged in order (`merge`).

/** Quads in a row of a tile. */
const QUADS = 8u;
/** Quads from row to row: odd, so that rows lie in different banks. */
const PITCH = 9u;
/** Threads on a tile, 8 x 8: `line` = thread / 8 has rows line + 8 i, `lane` four columns. */
const THREADS = 64u;
/** A score below all others; WGSL may take it that there is no infinity. */
const LOWEST = -3.4e38;

var<workgroup> left: array<vec4f, TILE * PITCH>;
var<workgroup> right: array<vec4f, TILE * PITCH>;
var<workgroup> weights: array<vec4f, TILE * PITCH>;

/** Σ w[i] y[i] */
fn quad_dot(w: vec4f, y: vec4f) -> f32 {
  return fma(w.w, y.w, fma(w.z, y.z, fma(w.y, y.y, w.x * y.x)));
}

/** Σ w[i] y[i] of four columns at once. */
fn quad_combine(w: vec4f, y: mat4x4f) -> vec4f {
  return fma(w.wwww, y[3], fma(w.zzzz, y[2], fma(w.yyyy, y[1], w.x * y[0])));
}

/** The first `count` elements; past a head's end there are numbers of others. */
fn keep(x: vec4f, count: u32) -> vec4f {
  return select(vec4f(), x, vec4u(0u, 1u, 2u, 3u) < vec4u(count));
}

/** Place of a row of `right` whose dot products `dots` computes: the four of a lane lie apart. */
fn interleaved(row: u32) -> u32 {
  return row % 4u * 8u + row / 4u;
}

/** left · rightᵀ of this thread's rows and columns; `right` is interleaved. */
fn dots(line: u32, lane: u32, sum: mat4x4f) -> mat4x4f {
  var s = sum;
  for (var quad = 0u; quad < QUADS; quad++) {
    let y = transpose(mat4x4f(
      right[lane * PITCH + quad],
      right[(lane + 8u) * PITCH + quad],
      right[(lane + 16u) * PITCH + quad],
      right[(lane + 24u) * PITCH + quad],
    ));
    s[0] += quad_combine(left[line * PITCH + quad], y);
    s[1] += quad_combine(left[(line + 8u) * PITCH + quad], y);
    s[2] += quad_combine(left[(line + 16u) * PITCH + quad], y);
    s[3] += quad_combine(left[(line + 24u) * PITCH + quad], y);
  }
  return s;
}

/** weights · right of this thread's rows and columns. */
fn weigh(line: u32, lane: u32, sum: mat4x4f) -> mat4x4f {
  var s = sum;
  for (var quad = 0u; quad < QUADS; quad++) {
    let y = mat4x4f(
      right[quad * 4u * PITCH + lane],
      right[(quad * 4u + 1u) * PITCH + lane],
      right[(quad * 4u + 2u) * PITCH + lane],
      right[(quad * 4u + 3u) * PITCH + lane],
    );
    s[0] += quad_combine(weights[line * PITCH + quad], y);
    s[1] += quad_combine(weights[(line + 8u) * PITCH + quad], y);
    s[2] += quad_combine(weights[(line + 16u) * PITCH + quad], y);
    s[3] += quad_combine(weights[(line + 24u) * PITCH + quad], y);
  }
  return s;
}

/** The rows of the queries, or of the keys, of one sequence. */
struct Rows {
  start: u32,
  count: u32,
}

/** The head of keys and values that a query head reads. */
fn key_head_of(head: u32) -> u32 {
  return head * p.key_heads / p.heads;
}

/** Number of keys up to the last that the query at `position` sees. */
fn visible_keys(position: i32, keys: u32) -> u32 {
  return select(keys, u32(clamp(position + 1, 0, i32(keys))), p.causal != 0u);
}

/** The first key that the query at `position` sees. */
fn first_visible(position: i32) -> u32 {
  return u32(max(position - i32(p.window) + 1, 0));
}
