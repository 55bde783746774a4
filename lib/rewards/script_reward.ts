import { UserError } from "../errors.ts";
import { fileInfo } from "../platform/files.ts";
import { basename, pathToFileURL, resolve } from "../platform/paths.ts";
import { reason, type RewardFunction } from "./reward.ts";

/**
 * Loads a reward function from a user's module, which exports it as default or as `reward`:
 *
 * ```ts ignore
 * // my_reward.ts: prefer short answers
 * export default (samples: { query: string; response: string }[]) =>
 *   samples.map(({ response }) => -response.length / 100);
 * ```
 *
 * @param path the module's file, relative to the working directory
 * @returns the function, and the file's name to call it by
 * @throws {UserError} when the file is missing, does not load or exports no such function
 */
export async function loadScriptReward(
  path: string,
): Promise<{ name: string; reward: RewardFunction }> {
  const file = resolve(path);
  const isFile = await fileInfo(file).then((entry) => entry.isFile, () => false);
  if (!isFile) {
    throw new UserError(
      `no reward script at ${path}; give a .ts or .js file that exports a reward function`,
    );
  }
  let module: Record<string, unknown>;
  try {
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    throw new UserError(`the reward script ${path} does not load: ${reason(error)}`, {
      cause: error,
    });
  }
  const reward = module.default ?? module.reward;
  if (typeof reward !== "function") {
    const names = Object.keys(module);
    throw new UserError(
      `the reward script ${path} exports ${names.length > 0 ? names.join(", ") : "nothing"}; ` +
        "it must export a function (samples) => number[] as default or as reward",
    );
  }
  return { name: basename(path), reward: reward as RewardFunction };
}
