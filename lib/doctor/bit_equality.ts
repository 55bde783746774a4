import { compareVariants } from "../../kernels/matmul/equal_variants.ts";
import { SUBGROUP_VARIANT } from "../../kernels/matmul/matmul_variants.ts";
import { DRAWS, everyDraw } from "../../kernels/sample/draw_gpu.ts";
import { compareDraws } from "../../kernels/sample/equal_draws.ts";
import type { GpuDevice } from "../device/device.ts";
import type { Generated } from "../generation/generate.ts";
import type { RowPredictions } from "../training/token_pass.ts";

/**
 * Compares the variants of a GPU's matrix product, bit for bit, and lets the device use its subgroups if
 * they give what the others give.
 *
 * @returns the facts that were compared
 * @throws {Error} naming portable variants that differ
 */
export async function equalVariants(device: GpuDevice): Promise<string> {
  const { compared, differing } = await compareVariants(device);
  const hasSubgroups = compared.includes(SUBGROUP_VARIANT);
  device.usesSubgroups = hasSubgroups && !differing.includes(SUBGROUP_VARIANT);
  const wrong = differing.filter((name) => name !== SUBGROUP_VARIANT);
  if (wrong.length > 0) throw new Error(`${wrong.join(", ")} differ from ${compared[0]}`);
  const portable = compared.filter((name) => name !== SUBGROUP_VARIANT).length;
  const subgroups = !hasSubgroups
    ? "no subgroups to use"
    : device.usesSubgroups
    ? `and with subgroups of ${device.subgroupSize}`
    : `but not with subgroups of ${device.subgroupSize}, which are not used`;
  return `the same from ${portable} variants, ${subgroups}`;
}

/**
 * Compares tokens that one workgroup takes of a row with those that several take, bit for bit, and lets
 * the device use several only if they take the same.
 *
 * @returns the facts that were compared
 */
export async function equalDraws(device: GpuDevice): Promise<string> {
  const { compared, differing } = await compareDraws(device);
  if (differing === 0) return `the same ${compared} tokens from one and from several workgroups`;
  for (const [kind, choice] of everyDraw(DRAWS.one)) device.tuning.set(kind, choice);
  return `${differing} of ${compared} tokens differ from several workgroups, which are not used`;
}

/**
 * Compares what generation reported with predictions, bit for bit.
 *
 * @param how where the predictions come from, for the message
 * @returns the number of tokens
 * @throws {Error} naming the first token that differs
 */
export function equalPredictions(
  responses: readonly Generated[],
  predictions: readonly RowPredictions[],
  how: string,
): number {
  return responses.reduce((sum, { logprobs, values }, row) => {
    const made = {
      logprobs: Float32Array.from(logprobs!),
      values: Float32Array.from(values!),
    };
    return sum + equalRow(made, predictions[row], row, how);
  }, 0);
}

/** Compares predictions of a row as {@linkcode equalPredictions} does. */
export function equalRow(a: RowPredictions, b: RowPredictions, row: number, how: string): number {
  for (const name of ["logprobs", "values"] as const) {
    const [left, right] = [a[name]!, b[name]!];
    const at = left.findIndex((value, i) => !Object.is(value, right[i]));
    if (at < 0 && left.length === right.length) continue;
    throw new Error(
      `${name} of response ${row} differ at token ${at}: ${left[at]}, ${right[at]} by ${how}`,
    );
  }
  return a.logprobs.length;
}

/**
 * Compares the ratios of tokens before an update with 1.
 *
 * @returns the number of tokens
 * @throws {Error} naming the first ratio that differs
 */
export function equalOne(ratios: Float32Array): number {
  const other = ratios.find((ratio) => ratio !== 1);
  if (other !== undefined) throw new Error(`the ratio of a token is ${other}, not 1`);
  return ratios.length;
}
