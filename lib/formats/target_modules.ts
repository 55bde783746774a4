import { UserError } from "../errors.ts";

/**
 * Translates a pattern in PEFT's `target_modules`, a regular expression of Python that must match
 * a layer's whole name.
 *
 * @throws {UserError} when it is not one, or uses a feature that JavaScript's regular expressions
 * lack
 */
export function targetPattern(pattern: string): RegExp {
  // Python's way of naming a group and of referring to it.
  const source = pattern.replaceAll("(?P<", "(?<").replaceAll(/\(\?P=(\w+)\)/g, "\\k<$1>");
  try {
    return new RegExp(`^(?:${source})$`);
  } catch (error) {
    const [reason] = (error as Error).message.split(": ").slice(-1);
    throw new UserError(
      `target_modules: the pattern ${JSON.stringify(pattern)} cannot be read: ${reason}`,
      { cause: error },
    );
  }
}
