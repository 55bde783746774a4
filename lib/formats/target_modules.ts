import { UserError } from "../errors.ts";

/**
 * Reads a pattern that PEFT has as `target_modules`: a regular expression of Python's that has to match a layer's whole name.
 *
 * @throws {UserError} when it is none, or uses what JavaScript's regular expressions lack
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
