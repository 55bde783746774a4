/**
 * transformers' T5Attention._relative_position_bucket of a distance (key - query position). Its
 * logarithm, exact + ⌊log(position / exact) / log(far / exact) · (buckets - exact)⌋, is decided in
 * whole numbers: (position / exact)^steps against (far / exact)^step.
 */
export function relativeBucketReference(
  distance: number,
  bidirectional: boolean,
  buckets: number,
  maxDistance: number,
): number {
  const half = bidirectional ? buckets / 2 : buckets;
  const offset = bidirectional && distance > 0 ? half : 0;
  const position = bidirectional ? Math.abs(distance) : Math.max(0, -distance);
  const exact = Math.floor(half / 2);
  if (position < exact) return offset + position;
  const steps = half - exact;
  const [x, low, high] = [position, exact, maxDistance].map(BigInt);
  let step = 0;
  const reached = (s: number) =>
    x ** BigInt(steps) * low ** BigInt(s) >= high ** BigInt(s) * low ** BigInt(steps);
  while (step + 1 < steps && reached(step + 1)) step++;
  return offset + exact + step;
}
