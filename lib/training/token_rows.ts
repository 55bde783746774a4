import type { LanguageModel } from "../models/language_model.ts";

/** Positions `start` … `end - 1` of a row. */
export type PositionRange = readonly [start: number, end: number];

/** A prompt and a continuation of it, laid out for a pass that predicts the continuation. */
export interface TokenRow {
  /** Tokens of the prompt. */
  readonly query: readonly number[];
  /** Tokens that are read after the prompt, beginning with the model's first input. */
  readonly inputs: readonly number[];
  /** Tokens to predict, one for each input: position `i` reads `inputs[i]` and predicts `targets[i]`. */
  readonly targets: readonly number[];
  /**
   * Positions that count in the loss: ranges in their order, apart from each other. Arrays over a row's
   * counted positions have the ranges' entries one after another.
   */
  readonly counted: readonly PositionRange[];
}

/**
 * A prompt and a response: each of its tokens is predicted from those before it.
 *
 * @param response tokens as `generate` returns them: with the end token, without the first input
 * @param counted tokens of the response that count in the loss. Default all
 */
export function responseRow(
  model: Pick<LanguageModel, "firstInput">,
  query: readonly number[],
  response: readonly number[],
  counted: readonly PositionRange[] = [[0, response.length]],
): TokenRow {
  const inputs = [model.firstInput(query), ...response.slice(0, -1)];
  return { query, inputs, targets: response, counted };
}

/** Number of positions that count in the loss. */
export function countedPositions({ counted }: Pick<TokenRow, "counted">): number {
  return counted.reduce((sum, [start, end]) => sum + end - start, 0);
}

/** Entries of the counted positions among those of all of a row's positions. */
export function atCounted(
  { counted }: Pick<TokenRow, "counted">,
  values: Float32Array,
): Float32Array {
  if (counted.length === 1) return values.slice(...counted[0]);
  const chosen = new Float32Array(countedPositions({ counted }));
  let position = 0;
  for (const [start, end] of counted) {
    chosen.set(values.subarray(start, end), position);
    position += end - start;
  }
  return chosen;
}

/**
 * Packs an array of each row behind one another as the pass's positions are, [M], with 0 at positions
 * that do not count.
 */
export function packPositions(
  rows: readonly TokenRow[],
  counted: readonly ArrayLike<number>[],
): Float32Array<ArrayBuffer> {
  const total = rows.reduce((sum, row) => sum + row.targets.length, 0);
  const packed = new Float32Array(total);
  let position = 0;
  rows.forEach(({ targets, counted: ranges }, i) => {
    const values = Float32Array.from(counted[i]);
    let read = 0;
    for (const [start, end] of ranges) {
      packed.set(values.subarray(read, read += end - start), position + start);
    }
    position += targets.length;
  });
  return packed;
}

/** Undoes {@linkcode packPositions}: the counted positions of each row. */
export function unpackPositions(rows: readonly TokenRow[], packed: Float32Array): Float32Array[] {
  let position = 0;
  return rows.map((row) =>
    atCounted(row, packed.subarray(position, position += row.targets.length))
  );
}

/** Mask of the counted positions, [M]: 1 where a position counts, 0 where it does not. */
export function packedMask(rows: readonly TokenRow[]): Float32Array<ArrayBuffer> {
  return packPositions(rows, rows.map((row) => new Float32Array(countedPositions(row)).fill(1)));
}

/** Rows whose tokens together suffice to keep the kernels busy, few enough for memory. */
const PASS_TOKENS = 4096;

/** Consecutive rows for passes without gradients, of at least 4096 tokens together but for the last. */
export function* passes<Row extends TokenRow>(rows: readonly Row[]): Generator<Row[]> {
  let pass: Row[] = [];
  let tokens = 0;
  for (const row of rows) {
    pass.push(row);
    tokens += row.query.length + row.inputs.length;
    if (tokens < PASS_TOKENS) continue;
    yield pass;
    [pass, tokens] = [[], 0];
  }
  if (pass.length > 0) yield pass;
}
