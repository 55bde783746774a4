import { UserError } from "../errors.ts";
import { shortJson } from "../visible_text.ts";
import type { LoraConfig, LoraNumbers } from "./lora_config.ts";
import { matchingWays } from "./pattern_cost.ts";

/** Length of a layer's name for the estimate. */
const NAME_LENGTH = 100;
/** Number of ways that take seconds; patterns in use have at most a hundredth of it. */
const MAX_WAYS = 1e10;
/** Maximum length of a pattern; those in use have up to 700 characters. */
const MAX_PATTERN = 10_000;
/** PEFT's word for every linear layer but the output head; its case does not matter. */
const ALL_LINEAR = "all-linear";

/** Tells whether targets are "all-linear", every linear layer but the output head. */
export function isAllLinear(targets: LoraConfig["targetModules"]): boolean {
  return typeof targets === "string" && targets.toLowerCase() === ALL_LINEAR;
}

/**
 * Makes a test for the layers that an adapter updates, by their names; as PEFT's
 * `check_target_module_exists`. With "all-linear" it passes every name that is not excluded.
 *
 * @param kept modules that the adapter replaces as a whole, PEFT's `modules_to_save`: nothing in them
 *   is adapted
 * @throws {UserError} when a pattern cannot be read, or settings exclude one another
 */
export function targetTest(
  config: LoraConfig,
  kept: readonly string[] = [],
): (module: string) => boolean {
  const { targetModules, excludeModules = [] } = config;
  const { layersToTransform = null, layersPattern = [] } = config;
  const isExcluded = nameTest(excludeModules, "exclude_modules");
  const isKept = kept.map((name) => new RegExp(`(?:^|\\.)${escaped(name)}(?:$|\\.)`));
  const block = layersToTransform === null ? null : blockOf([layersPattern].flat());
  const blocks = new Set([layersToTransform ?? []].flat());
  if (typeof targetModules === "string" && block) {
    throw new UserError(
      "layers_to_transform goes with target_modules by name, not with a pattern: name the layers, " +
        "or put their numbers into the pattern",
    );
  }
  const isTarget = isAllLinear(targetModules)
    ? () => true
    : nameTest(targetModules, "target_modules");
  return (module) => {
    if (isExcluded(module) || isKept.some((pattern) => pattern.test(module))) return false;
    if (!isTarget(module)) return false;
    // A whole name is adapted whatever its block.
    if (block === null || blocks.size === 0 || targetModules.includes(module)) return true;
    const number = block(module);
    return number !== null && blocks.has(number);
  };
}

/** Makes a test for names: one of a list, whole or at the end after a dot; or a pattern. */
function nameTest(names: readonly string[] | string, setting: string): (name: string) => boolean {
  if (typeof names !== "string") return (name) => names.some((end) => endsWith(name, end));
  if (names === "") return () => false;
  const pattern = modulePattern(names, setting);
  return (name) => pattern.test(name);
}

/** Tells whether a layer's name is `end`, or ends in it after a dot. */
export function endsWith(name: string, end: string): boolean {
  return name === end || name.endsWith(`.${end}`);
}

/** Makes a function that finds the number of a layer's block in its name; null where it has none. */
function blockOf(lists: readonly string[]): (module: string) => number | null {
  // Each list is a regular expression too; without any, the last number that a name stands before.
  const patterns = (lists.length === 0 ? ["[^.]*"] : lists).map((list) =>
    regularExpression(`.*\\.(?:${list})\\.(\\d+)\\..*`, list, "layers_pattern")
  );
  return (module) => {
    const found = patterns.map((pattern) => pattern.exec(module)?.[1]);
    const number = found.find((text) => text !== undefined);
    return number === undefined ? null : Number(number);
  };
}

/**
 * Makes a function that gives the rank and the scale of each layer's update, by PEFT's rank_pattern and
 * alpha_pattern. A pattern matches a layer's whole name, or the end of it after a dot; the first that
 * matches counts, and one that matches no layer changes nothing.
 *
 * @throws {UserError} when a pattern cannot be read
 */
export function loraNumbers(config: LoraConfig): (module: string) => LoraNumbers {
  const ranks = patternValues(config.rankPattern, "rank_pattern");
  const alphas = patternValues(config.alphaPattern, "alpha_pattern");
  return (module) => {
    const r = ranks(module) ?? config.r;
    const alpha = alphas(module) ?? config.loraAlpha;
    return { r, alpha, scale: alpha / (config.useRslora ? Math.sqrt(r) : r) };
  };
}

function patternValues(
  values: Readonly<Record<string, number>> = {},
  setting: string,
): (module: string) => number | undefined {
  const patterns = Object.entries(values).map(([key, value]) =>
    [endPattern(key, setting), value] as const
  );
  const ways = patterns.reduce((sum, [{ source }]) => sum + matchingWays(source, NAME_LENGTH), 0);
  if (ways > MAX_WAYS) {
    throw new UserError(
      `${setting}: its ${patterns.length} patterns could take minutes to match: expected fewer ` +
        "repetitions",
    );
  }
  return (module) => patterns.find(([pattern]) => pattern.test(module))?.[1];
}

/**
 * Translates a key of rank_pattern or alpha_pattern.
 *
 * @param setting PEFT's name of the setting, for messages
 * @throws {UserError} as {@linkcode modulePattern}
 */
export function endPattern(key: string, setting: string): RegExp {
  return regularExpression(`(?:.*\\.)?(?:${key})`, key, setting);
}

/**
 * Translates a pattern for layers, a regular expression of Python that must match a layer's whole
 * name.
 *
 * @param setting PEFT's name of the setting, for messages
 * @throws {UserError} when it is not one, uses a feature that JavaScript's regular expressions lack,
 * or could take minutes to match
 */
export function modulePattern(pattern: string, setting: string): RegExp {
  return regularExpression(pattern, pattern, setting);
}

/** @param written the pattern as it is in the file, for messages */
function regularExpression(pattern: string, written: string, setting: string): RegExp {
  const shown = shortJson(written);
  let parsed: RegExp;
  let ways: number;
  try {
    if (pattern.length > MAX_PATTERN) throw new Error(`it has ${pattern.length} characters`);
    const source = fromPython(pattern);
    parsed = new RegExp(`^(?:${source})$`);
    // What is too large or too deep to be compiled shows when it is first used.
    parsed.test("");
    ways = matchingWays(source, NAME_LENGTH);
  } catch (error) {
    const [reason] = (error as Error).message.split(": ").slice(-1);
    throw new UserError(`${setting}: the pattern ${shown} cannot be read: ${reason}`, {
      cause: error,
    });
  }
  if (ways > MAX_WAYS) {
    throw new UserError(
      `${setting}: the pattern ${shown} could take minutes to match: ` +
        "expected no repetition of what is repeated or has alternatives, and few repetitions",
    );
  }
  return parsed;
}

/** Escapes, sets of characters, and what Python writes otherwise: named groups, `{,3}`. */
const PYTHON_PARTS = /\\([\s\S]?)|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|\(\?P<|\(\?P=(\w+)\)|\{,(\d+)\}/g;
/** Escapes of Python's `re` that a name can match; JavaScript takes the others for letters. */
const ESCAPES = /^[^A-Za-z]$|^[bBdDfnrsStuvwWx]$/;

/** Translates a regular expression of Python. @throws {Error} when it has what no name can match */
function fromPython(pattern: string): string {
  return pattern.replaceAll(PYTHON_PARTS, (part, escape, group, most) => {
    if (part === "(?P<") return "(?<";
    if (group !== undefined) return `\\k<${group}>`;
    if (most !== undefined) return `{0,${most}}`;
    if (escape === undefined) return part;
    if (escape === "A") return "^";
    if (escape === "Z") return "$";
    if (ESCAPES.test(escape)) return part;
    throw new Error(`the escape ${part} is not supported`);
  });
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
