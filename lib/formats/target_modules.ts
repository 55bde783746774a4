import { UserError } from "../errors.ts";
import { matchingWays } from "./pattern_cost.ts";

/** Length of a layer's name for the estimate. */
const NAME_LENGTH = 100;
/** Number of ways that take seconds; patterns in use have at most a hundredth of it. */
const MAX_WAYS = 1e10;

/**
 * Translates a pattern in PEFT's `target_modules`, a regular expression of Python that must match
 * a layer's whole name.
 *
 * @throws {UserError} when it is not one, uses a feature that JavaScript's regular expressions lack,
 * or could take minutes to match
 */
export function targetPattern(pattern: string): RegExp {
  // Python's way of naming a group and of referring to it.
  const source = pattern.replaceAll("(?P<", "(?<").replaceAll(/\(\?P=(\w+)\)/g, "\\k<$1>");
  let parsed: RegExp;
  try {
    parsed = new RegExp(`^(?:${source})$`);
  } catch (error) {
    const [reason] = (error as Error).message.split(": ").slice(-1);
    throw new UserError(
      `target_modules: the pattern ${JSON.stringify(pattern)} cannot be read: ${reason}`,
      { cause: error },
    );
  }
  if (matchingWays(source, NAME_LENGTH) > MAX_WAYS) {
    throw new UserError(
      `target_modules: the pattern ${JSON.stringify(pattern)} could take minutes to match: ` +
        "expected no repetition of what is repeated or has alternatives, and few repetitions",
    );
  }
  return parsed;
}
