// Beginning of every kernel's WGSL. After it come the declarations that follow from the kernel's
// signature (lib/device/webgpu/shader_source.ts), then the kernel's own text.
//
// A span `x` of the signature is in the storage binding `x`, or in the one that the signature's
// `bindings` name for it, and begins at element `p.x`: spans are bound from the start of their block.
// `p.x` is NONE for a span that is null. Integers and floats are `p.<name>`, u32 and f32; constants are
// there under their names. In place works where the thread that writes an element is the only one that
// reads it.

/** The offset of a span that is null. */
const NONE = 0xffffffffu;

/** Threads of a workgroup that works on one row. */
const ROW_THREADS = 128u;

/** The number of a workgroup where there may be too many for one dimension. */
fn flat_group(group: vec3u, groups: vec3u) -> u32 {
  return group.y * groups.x + group.x;
}

/** Element `index` of bf16 values, two in a word; `word` is word index / 2. */
fn widen_bf16(word: u32, index: u32) -> f32 {
  return bitcast<f32>(select(word << 16u, word & 0xffff0000u, (index & 1u) == 1u));
}

/** Neither NaN nor infinite; comparisons cannot tell, since WGSL may assume there is no NaN. */
fn is_finite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

var<workgroup> row_values: array<f32, ROW_THREADS>;

/** The sum over the ROW_THREADS threads of a workgroup, in a fixed order, for all of them. */
fn row_sum(value: f32, thread: u32) -> f32 {
  row_values[thread] = value;
  workgroupBarrier();
  for (var half = ROW_THREADS / 2u; half > 0u; half >>= 1u) {
    if (thread < half) {
      row_values[thread] += row_values[thread + half];
    }
    workgroupBarrier();
  }
  let sum = row_values[0];
  workgroupBarrier();
  return sum;
}

/** The largest over the ROW_THREADS threads of a workgroup, for all of them. */
fn row_max(value: f32, thread: u32) -> f32 {
  row_values[thread] = value;
  workgroupBarrier();
  for (var half = ROW_THREADS / 2u; half > 0u; half >>= 1u) {
    if (thread < half) {
      row_values[thread] = max(row_values[thread], row_values[thread + half]);
    }
    workgroupBarrier();
  }
  let largest = row_values[0];
  workgroupBarrier();
  return largest;
}

// Elementary functions as kernels/math.wasm.ts has them (Cephes; erf by Eigen): WGSL's own are less
// exact, and differ from GPU to GPU. NaN goes through where the GPU keeps it.

/** e^x; 0 below -87.33, infinite above 88.37. */
fn exp_f32(x: f32) -> f32 {
  let clamped = clamp(x, -87.33, 89.0);
  // x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, so that the first product is exact.
  let n = round(clamped * 1.44269504);
  let r = fma(n, 2.12194440e-4, fma(n, -0.693359375, clamped));
  var p = fma(1.9875691500e-4, r, 1.3981999507e-3);
  p = fma(p, r, 8.3334519073e-3);
  p = fma(p, r, 4.1665795894e-2);
  p = fma(p, r, 1.6666665459e-1);
  p = fma(p, r, 0.5);
  p = fma(p, r * r, r) + 1.0;
  // 2^n, put together from its bits; n = 128 gives infinity.
  let scaled = p * bitcast<f32>((i32(n) << 23u) + 0x3f800000);
  return select(select(scaled, 0.0, x < -87.33), x, is_nan(x));
}

fn is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

/** 1 / (1 + e^-x) */
fn sigmoid_f32(x: f32) -> f32 {
  return 1.0 / (1.0 + exp_f32(-x));
}

/** Hyperbolic tangent: a polynomial around 0, (1 - e^-2|x|) / (1 + e^-2|x|) elsewhere. */
fn tanh_f32(x: f32) -> f32 {
  let size = abs(x);
  if (size < 0.625) {
    let z = x * x;
    var p = fma(-5.70498872745e-3, z, 2.06390887954e-2);
    p = fma(p, z, -5.37397155531e-2);
    p = fma(p, z, 1.33314422036e-1);
    p = fma(p, z, -3.33332819422e-1);
    return fma(p * z, x, x);
  }
  let e = exp_f32(-2.0 * size);
  let far = (1.0 - e) / (1.0 + e);
  return select(far, -far, x < 0.0);
}

/**
 * Error function: x P(x²) / Q(x²) around 0; elsewhere 1 - erfc, whose Chebyshev fit (Numerical
 * Recipes, erfcc) does not lose digits near 1, also on GPUs whose division is rough.
 */
fn erf_f32(x: f32) -> f32 {
  let size = abs(x);
  if (size > 1.0) {
    let t = 1.0 / fma(0.5, size, 1.0);
    var r = fma(0.17087277, t, -0.82215223);
    r = fma(r, t, 1.48851587);
    r = fma(r, t, -1.13520398);
    r = fma(r, t, 0.27886807);
    r = fma(r, t, -0.18628806);
    r = fma(r, t, 0.09678418);
    r = fma(r, t, 0.37409196);
    r = fma(r, t, 1.00002368);
    r = fma(r, t, -1.26551223);
    let erfc = t * exp_f32(fma(-size, size, r));
    return select(1.0 - erfc, erfc - 1.0, x < 0.0);
  }
  let z = x * x;
  var p = fma(-2.72614225801306e-10, z, 2.77068142495902e-8);
  p = fma(p, z, -2.10102402082508e-6);
  p = fma(p, z, -5.69250639462346e-5);
  p = fma(p, z, -7.34990630326855e-4);
  p = fma(p, z, -2.95459980854025e-3);
  p = fma(p, z, -1.60960333262415e-2);
  var q = fma(-1.45660718464996e-5, z, -2.13374055278905e-4);
  q = fma(q, z, -1.68282697438203e-3);
  q = fma(q, z, -7.37332916720468e-3);
  q = fma(q, z, -1.42647390514189e-2);
  return x * p / q;
}

/** Natural logarithm of a positive, normal, finite number; anything else is the caller's. */
fn log_f32(x: f32) -> f32 {
  // x = m 2^e with m in [√½, √2)
  let shifted = bitcast<i32>(x) - 0x3f3504f3;
  let e = f32(shifted >> 23u);
  let m = bitcast<f32>((shifted & 0x007fffff) + 0x3f3504f3) - 1.0;
  let z = m * m;
  var p = fma(7.0376836292e-2, m, -1.1514610310e-1);
  p = fma(p, m, 1.1676998740e-1);
  p = fma(p, m, -1.2420140846e-1);
  p = fma(p, m, 1.4249322787e-1);
  p = fma(p, m, -1.6668057665e-1);
  p = fma(p, m, 2.0000714765e-1);
  p = fma(p, m, -2.4999993993e-1);
  p = fma(p, m, 3.3333331174e-1);
  var y = p * m * z;
  y = fma(e, -2.12194440e-4, y);
  y = fma(z, -0.5, y);
  return fma(e, 0.693359375, m + y);
}

/** The upper 32 bits of a product: WGSL has no 64-bit integers. */
fn multiply_high(a: u32, b: u32) -> u32 {
  let a0 = a & 0xffffu;
  let a1 = a >> 16u;
  let b0 = b & 0xffffu;
  let b1 = b >> 16u;
  let middle = a1 * b0 + ((a0 * b0) >> 16u);
  let other = a0 * b1 + (middle & 0xffffu);
  return a1 * b1 + (middle >> 16u) + (other >> 16u);
}

/**
 * Philox4x32-10 (Salmon et al., SC 2011): four random words from a counter and a key, the same as
 * kernels/philox.wasm.ts gives. Every use has its own last counter word: 0 sampling, 1 dropout.
 */
fn philox4x32(counter: vec4u, key: vec2u) -> vec4u {
  var c = counter;
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let a = multiply_high(c.x, 0xd2511f53u);
    let b = multiply_high(c.z, 0xcd9e8d57u);
    c = vec4u(b ^ c.y ^ k.x, c.z * 0xcd9e8d57u, a ^ c.w ^ k.y, c.x * 0xd2511f53u);
    k += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

/** A random word as f32 in [0, 1): a multiple of 2^-24. */
fn uniform_f32(word: u32) -> f32 {
  return f32(word >> 8u) * (1.0 / 16777216.0);
}

