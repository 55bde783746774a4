import { resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { resolveTrainConfig, type TrainConfig, type TrainConfigInput } from "../settings/config.ts";
import { readRunConfig } from "../folder/run_directory.ts";

/** Settings that do not decide what the steps done before were, and so may change. */
const MAY_CHANGE: readonly (keyof TrainConfig)[] = [
  "steps",
  "saveEvery",
  "keep",
  "progress",
  "log",
  "peftFormat",
  "datasetCache",
  "device",
  "threads",
  "onDivergence",
  "minKl",
  "maxKl",
  "ratioThreshold",
];

/**
 * The settings to go on with a run: its own, and those given that may change.
 *
 * @param run the run's folder
 * @param given settings from the command line
 * @throws {UserError} when the folder is not that of a run, or naming the settings given that differ
 *   from the run's and may not
 */
export async function resumeConfig(run: string, given: TrainConfigInput): Promise<TrainConfig> {
  const stored = resolveTrainConfig(await readRunConfig(run));
  const { output = run, ...settings } = given;
  const refused = Object.entries(settings).flatMap(([key, value]) => {
    const name = key as keyof TrainConfig;
    const [was, is] = [stored[name], value].map((setting) => JSON.stringify(setting));
    return MAY_CHANGE.includes(name) || was === is ? [] : [`\`${name}\` (${was}, not ${is})`];
  });
  if (output === null || resolve(output) !== resolve(run)) refused.push(`\`output\` (${run})`);
  if (refused.length > 0) {
    throw new UserError(
      `a run is resumed with its own settings; these differ: ${refused.join(", ")}: leave them ` +
        `out, or start a new run with the settings in ${run}/config.json`,
    );
  }
  return resolveTrainConfig({ ...stored, ...settings, output: run });
}
