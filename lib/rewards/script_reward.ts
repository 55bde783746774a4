import { UserError } from "../errors.ts";
import { fileInfo } from "../platform/files.ts";
import { importFile } from "../platform/import_file.ts";
import { basename, resolve } from "../platform/paths.ts";
import { type NullableRewardFunction, scriptReason } from "./reward.ts";
import { trlReward, type TRLRewardFunction } from "./trl_reward.ts";

/** First parameter of a function, as its source has it; of a destructured one, the first name. */
const FIRST_PARAMETER = /^(?:async\b\s*)?(?:function\b[^(]*)?\(?\s*[{[]?\s*([\w$]*)/;

/**
 * Loads a reward function from a user's module, which exports it as default or as `reward`:
 *
 * ```ts ignore
 * // my_reward.ts: prefer short answers
 * export default (samples: { query: string; response: string }[]) =>
 *   samples.map(({ response }) => -response.length / 100);
 * ```
 *
 * A function that declares two or three parameters is one of TRL's form,
 * `(prompts, completions, columns)`: see {@linkcode trlReward}.
 *
 * @param path the module's file, relative to the working directory
 * @returns the function, and the file's name to call it by
 * @throws {UserError} when the file is missing, does not load or exports no such function
 */
export async function loadScriptReward(
  path: string,
): Promise<{ name: string; reward: NullableRewardFunction }> {
  const file = resolve(path);
  const isFile = await fileInfo(file).then((entry) => entry.isFile, () => false);
  if (!isFile) {
    throw new UserError(
      `no reward script at ${path}; give a .ts or .js file that exports a reward function`,
    );
  }
  let module: Record<string, unknown>;
  try {
    module = await importFile(file);
  } catch (error) {
    throw new UserError(`the reward script ${path} does not load: ${scriptReason(error)}`, {
      cause: error,
    });
  }
  const reward = module.default ?? module.reward;
  if (typeof reward !== "function") {
    const names = Object.keys(module);
    throw new UserError(
      `the reward script ${path} exports ${names.length > 0 ? names.join(", ") : "nothing"}; ` +
        "it must export a function (samples) => number[] or (prompts, completions, columns) => " +
        "number[] as default or as reward",
    );
  }
  return { name: basename(path), reward: inOurForm(path, reward) };
}

/**
 * Tells the two forms of reward functions apart by the number of declared parameters. TRL passes its
 * arguments by name: names that stand in another place than their values would are refused.
 */
function inOurForm(path: string, reward: unknown): NullableRewardFunction {
  const fn = reward as NullableRewardFunction & TRLRewardFunction;
  const [, first = ""] = FIRST_PARAMETER.exec(String(fn)) ?? [];
  const named = /^(prompts?|completions?)$/.test(first);
  if (fn.length <= 1 && !named) return fn;
  if ([2, 3].includes(fn.length) && !/^(completions?|responses?|samples)$/.test(first)) {
    return trlReward(fn);
  }
  throw new UserError(
    `the reward script ${path} exports a function of ${fn.length} parameters` +
      `${first ? `, the first of them ${first}` : ""}; it must declare (samples) or ` +
      "(prompts, completions, columns), in this order and without default values",
  );
}
