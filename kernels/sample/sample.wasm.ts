import { BLOCK, GreedyArgs, HISTOGRAM_AT, SUMS_AT, SampleArgs } from "./args.wasm";
import { exp4 } from "../math.wasm";
import { philox4x32, uniform4 } from "../philox.wasm";
import { sum4 } from "../simd.wasm";
import { keepTopK, keepTopP } from "./select.wasm";

/** Last word of Philox's counter: the first of the uses listed there. */
const PURPOSE: u32 = 0;

/** Draws a token for each row. */
export function sample(args: SampleArgs, task: i32, scratch: usize): void {
  const tokens = args.tokens;
  const probabilities = args.probabilities;
  const perTask = args.perTask;
  const vocabulary = args.vocabulary;
  const topK = args.topK;
  const seedLow = <u32>args.seedLow;
  const seedHigh = <u32>args.seedHigh;
  const temperature = args.temperature;
  const topP = args.topP;
  const minP = args.minP;
  const padded = (vocabulary + 3) & ~3;
  const end = min((task + 1) * perTask, args.rows);
  for (let row = task * perTask; row < end; row++) {
    const at = <usize>row << 2;
    const position = load<u32>(args.positions + at);
    const rollout = load<u32>(args.rollouts + at);
    const logits = args.logits + at * <usize>vocabulary;
    const seen = seenOf(args.seen, args.seenRows, row, vocabulary);
    process(logits, vocabulary, seen, args.repetitionPenalty, scratch);
    if (<i32>position < args.minLength) ban(args.ends, vocabulary, scratch);
    const highest = scores(vocabulary, temperature, scratch);
    if (topK > 0 && topK < vocabulary) keepTopK(scratch, padded, topK, scratch + HISTOGRAM_AT);
    if (topP < 1) {
      let mass: f64 = 0;
      for (let begin = 0; begin < padded; begin += BLOCK) {
        mass += exponentials(scratch, begin, padded, highest, 0, false);
      }
      keepTopP(scratch, padded, highest, mass, topP, scratch + HISTOGRAM_AT);
    }
    let total: f64 = 0;
    for (let begin = 0; begin < padded; begin += BLOCK) {
      const sum = exponentials(scratch, begin, padded, highest, minP, true);
      store<f64>(scratch + SUMS_AT + (<usize>(begin / BLOCK) << 3), sum);
      total += sum;
    }
    const words = philox4x32(rollout, position, 0, PURPOSE, seedLow, seedHigh);
    const uniform: f64 = f32x4.extract_lane(uniform4(words), 0);
    const token = total > 0 ? draw(scratch, padded, uniform * total) : -1;
    store<i32>(tokens + at, token);
    remember(seen, token);
    if (!probabilities) continue;
    const p = probabilities + at * <usize>vocabulary;
    for (let i: usize = 0; i < <usize>vocabulary << 2; i += 4) {
      store<f32>(p + i, <f32>(<f64>load<f32>(scratch + i) / total));
    }
  }
}

/** The token with the largest logit of each row, the first of equal ones. */
export function greedy(args: GreedyArgs, task: i32, scratch: usize): void {
  const perTask = args.perTask;
  const vocabulary = args.vocabulary;
  const end = min((task + 1) * perTask, args.rows);
  for (let row = task * perTask; row < end; row++) {
    const at = <usize>row << 2;
    const logits = args.logits + at * <usize>vocabulary;
    const seen = seenOf(args.seen, args.seenRows, row, vocabulary);
    process(logits, vocabulary, seen, args.repetitionPenalty, scratch);
    if (load<i32>(args.positions + at) < args.minLength) ban(args.ends, vocabulary, scratch);
    const highest = scores(vocabulary, 1, scratch);
    let token = 0;
    while (token < vocabulary && load<f32>(scratch + (<usize>token << 2)) != highest) token++;
    if (token == vocabulary) token = -1;
    store<i32>(args.tokens + at, token);
    remember(seen, token);
  }
}

/** A row's set of tokens, one bit each; 0 for none. */
function seenOf(seen: usize, seenRows: usize, row: i32, vocabulary: i32): usize {
  if (!seen) return 0;
  const words = <usize>(vocabulary + 31) >> 5;
  return seen + <usize>load<u32>(seenRows + (<usize>row << 2)) * (words << 2);
}

/** Adds a token to a row's set. */
function remember(seen: usize, token: i32): void {
  if (!seen || token < 0) return;
  const word = seen + (<usize>(token >> 5) << 2);
  store<u32>(word, load<u32>(word) | (1 << (token & 31)));
}

/** z = logits, those of tokens in the set penalised, and -∞ up to a multiple of four. */
function process(logits: usize, vocabulary: i32, seen: usize, penalty: f32, z: usize): void {
  const bytes = <usize>vocabulary << 2;
  memory.copy(z, logits, bytes);
  v128.store(z + bytes, f32x4.splat(-Infinity));
  if (!seen) return;
  for (let first = 0; first < vocabulary; first += 32) {
    for (let bits = load<u32>(seen + (<usize>first >> 3)); bits; bits &= bits - 1) {
      const at = z + (<usize>(first + ctz(bits)) << 2);
      const logit = load<f32>(at);
      store<f32>(at, logit < 0 ? logit * penalty : logit / penalty);
    }
  }
}

/** Removes the tokens of a set. */
function ban(tokens: usize, vocabulary: i32, z: usize): void {
  if (!tokens) return;
  for (let first = 0; first < vocabulary; first += 32) {
    for (let bits = load<u32>(tokens + (<usize>first >> 3)); bits; bits &= bits - 1) {
      store<f32>(z + (<usize>(first + ctz(bits)) << 2), -Infinity);
    }
  }
}

/** z /= temperature, up to a multiple of four; returns the largest, NaN if there is one. */
function scores(vocabulary: i32, temperature: f32, z: usize): f32 {
  const bytes = <usize>vocabulary << 2;
  const divisor = f32x4.splat(temperature);
  let highest = f32x4.splat(-Infinity);
  for (let i: usize = 0; i < bytes; i += 16) {
    // Adding 0 makes 0 of -0, which the selection's integer keys would tell apart.
    const x = f32x4.add(f32x4.div(v128.load(z + i), divisor), f32x4.splat(0));
    v128.store(z + i, x);
    highest = f32x4.max(highest, x);
  }
  return max(
    max(f32x4.extract_lane(highest, 0), f32x4.extract_lane(highest, 1)),
    max(f32x4.extract_lane(highest, 2), f32x4.extract_lane(highest, 3)),
  );
}

/**
 * Σ e^(z - highest) over a block, those below `least` being 0; `replace` leaves them where the scores
 * were.
 */
function exponentials(
  z: usize, begin: i32, end: i32, highest: f32, least: f32, replace: bool,
): f64 {
  const highest4 = f32x4.splat(highest);
  const least4 = f32x4.splat(least);
  const stop = z + (<usize>min(begin + BLOCK, end) << 2);
  let sum = f32x4.splat(0);
  for (let p = z + (<usize>begin << 2); p < stop; p += 16) {
    const all = exp4(f32x4.sub(v128.load(p), highest4));
    const e = v128.and(all, f32x4.ge(all, least4));
    if (replace) v128.store(p, e);
    sum = f32x4.add(sum, e);
  }
  return sum4(sum);
}

/** The first token up to and including which the weights `e` exceed `target`. */
function draw(e: usize, padded: i32, target: f64): i32 {
  const last = (padded - 1) / BLOCK;
  let below: f64 = 0;
  let block = 0;
  for (; block < last; block++) {
    const next = below + load<f64>(e + SUMS_AT + (<usize>block << 3));
    if (next > target) break;
    below = next;
  }
  // Summed one by one the block can come out smaller: then it is its last token with any weight.
  let token = -1;
  for (let i = block * BLOCK; i < min((block + 1) * BLOCK, padded); i++) {
    const weight = load<f32>(e + (<usize>i << 2));
    if (weight == 0) continue;
    token = i;
    below += weight;
    if (below > target) break;
  }
  return token;
}
