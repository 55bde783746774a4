/** Loads, stores and sums that the kernels share: rows need not be a multiple of four wide. */

/** The first `count` (1 to 3) f32 at `p`, the other lanes 0. */
// @ts-ignore: decorator
@inline
export function loadPart(p: usize, count: i32): v128 {
  if (count == 1) return v128.load32_zero(p);
  const two = v128.load64_zero(p);
  return count == 2 ? two : f32x4.replace_lane(two, 2, load<f32>(p + 8));
}

/** Stores the first `count` (1 to 3) lanes at `p`. */
// @ts-ignore: decorator
@inline
export function storePart(p: usize, value: v128, count: i32): void {
  if (count == 1) {
    v128.store32_lane(p, value, 0);
    return;
  }
  v128.store64_lane(p, value, 0);
  if (count == 3) v128.store32_lane(p + 8, value, 2);
}

/** The first `count` f32 at `p`, of which there are at least one: four at most. */
// @ts-ignore: decorator
@inline
export function loadUpTo4(p: usize, count: i32): v128 {
  return count >= 4 ? v128.load(p) : loadPart(p, count);
}

/** Stores the first `count` lanes at `p`, of which there are at least one: four at most. */
// @ts-ignore: decorator
@inline
export function storeUpTo4(p: usize, value: v128, count: i32): void {
  if (count >= 4) v128.store(p, value);
  else storePart(p, value, count);
}

/** Four f32 from four places. */
// @ts-ignore: decorator
@inline
export function gather4(p0: usize, p1: usize, p2: usize, p3: usize): v128 {
  return v128.load32_lane(
    p3, v128.load32_lane(p2, v128.load32_lane(p1, v128.load32_zero(p0), 1), 2), 3,
  );
}

/** Four bf16 at `p`, widened to f32. */
// @ts-ignore: decorator
@inline
export function loadBf16(p: usize): v128 {
  return i32x4.shl(v128.load16x4_u(p), 16);
}

/** One bf16 at `p`, widened to f32. */
// @ts-ignore: decorator
@inline
export function loadBf16Scalar(p: usize): f32 {
  return reinterpret<f32>(<u32>load<u16>(p) << 16);
}

/** The sum of the four lanes. */
// @ts-ignore: decorator
@inline
export function sum4(x: v128): f32 {
  return (f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 2)) +
    (f32x4.extract_lane(x, 1) + f32x4.extract_lane(x, 3));
}

/** to[:] += from[:], `count` f32 */
export function addRow(to: usize, from: usize, count: i32): void {
  let c = 0;
  for (; c + 4 <= count; c += 4) {
    const at = <usize>c << 2;
    v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(from + at)));
  }
  for (; c < count; c++) {
    const at = <usize>c << 2;
    store<f32>(to + at, load<f32>(to + at) + load<f32>(from + at));
  }
}
