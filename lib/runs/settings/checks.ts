import { counted } from "../../counted.ts";
import { UserError } from "../../errors.ts";

/** Checks that a prompt template has a place for the text. @throws {UserError} when it has none */
export function checkPrompt({ prompt }: { readonly prompt: string }): void {
  if (prompt.includes("{dialogue}")) return;
  throw new UserError(
    `\`prompt\` ${JSON.stringify(prompt)} has no {dialogue}: put it where the text belongs`,
  );
}

/** Checks that each reward has a weight. @throws {UserError} when there are more or fewer */
export function checkRewardWeights(
  { reward, rewardWeights }: {
    readonly reward: readonly string[];
    readonly rewardWeights: readonly number[] | null;
  },
): void {
  if (rewardWeights === null || rewardWeights.length === reward.length) return;
  throw new UserError(
    `\`rewardWeights\` has ${counted(rewardWeights.length, "number")} for ` +
      `${counted(reward.length, "reward")}: give one for each`,
  );
}

/** Checks what the training of all weights goes together with. @throws {UserError} */
export function checkFull(
  { full, adapter, dtype }: {
    readonly full: boolean;
    readonly adapter: string | null;
    readonly dtype: string;
  },
): void {
  if (full && adapter !== null) {
    throw new UserError(
      "`full` trains the model itself, `adapter` goes on from an adapter: give one of them",
    );
  }
  if (full && dtype !== "f32") {
    throw new UserError(`\`full\` trains weights in f32, \`dtype\` is ${dtype}: leave it out`);
  }
}
