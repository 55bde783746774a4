import assert from "node:assert/strict";
import type { RowLoss } from "../../lib/training/row_loss.ts";

/** Checks every gradient of a loss over rows against central differences. */
export function assertGradients(
  rows: readonly (readonly number[])[],
  loss: (rows: readonly number[][]) => RowLoss,
): void {
  const h = 1e-6;
  const { gradients } = loss(rows.map((row) => [...row]));
  rows.forEach((row, r) =>
    row.forEach((_, t) => {
      const at = (shift: number) => {
        const moved = rows.map((row) => [...row]);
        moved[r][t] += shift;
        return loss(moved).loss;
      };
      const expected = (at(h) - at(-h)) / (2 * h);
      const actual = gradients[r][t];
      const error = Math.abs(actual - expected);
      assert.ok(error <= 1e-6 * (1 + Math.abs(expected)), `row ${r}, ${t}: ${actual}, ${expected}`);
    })
  );
}
