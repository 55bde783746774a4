import type { LanguageModel } from "../models/language_model.ts";

/** A prompt and a continuation of it, laid out for a pass that predicts the continuation. */
export interface TokenRow {
  /** Tokens of the prompt. */
  readonly query: readonly number[];
  /** Tokens that are read after the prompt, beginning with the model's first input. */
  readonly inputs: readonly number[];
  /** Tokens to predict, one for each input: position `i` reads `inputs[i]` and predicts `targets[i]`. */
  readonly targets: readonly number[];
  /** First position that counts in the loss; all later ones do too. */
  readonly firstCounted: number;
}

/**
 * A prompt and a response, in which every token counts: each is predicted from those before it.
 *
 * @param response tokens as `generate` returns them: with the end token, without the first input
 */
export function responseRow(
  model: Pick<LanguageModel, "firstInput">,
  query: readonly number[],
  response: readonly number[],
): TokenRow {
  const inputs = [model.firstInput(query), ...response.slice(0, -1)];
  return { query, inputs, targets: response, firstCounted: 0 };
}

/** Number of positions that count in the loss. */
export function countedPositions({ targets, firstCounted }: TokenRow): number {
  return targets.length - firstCounted;
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
  rows.forEach((row, i) => {
    packed.set(counted[i], position + row.firstCounted);
    position += row.targets.length;
  });
  return packed;
}

/** Undoes {@linkcode packPositions}: the counted positions of each row. */
export function unpackPositions(rows: readonly TokenRow[], packed: Float32Array): Float32Array[] {
  let position = 0;
  return rows.map(({ targets, firstCounted }) => {
    const counted = packed.slice(position + firstCounted, position + targets.length);
    position += targets.length;
    return counted;
  });
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
