import type { JsonObject } from "../formats/hf_config.ts";
import { Charsmap } from "./charsmap.ts";

/**
 * Regular expressions of widely used tokenizers, whose time is linear in the text though that cannot
 * be told from their form: GPT-2, and Llama 3 with its relatives, which match up to three digits or one.
 */
const KNOWN_PATTERNS: readonly string[] = [
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  ...["{1,3}", ""].map((digits) =>
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}" + digits +
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
  ),
];

/** A character, an escape or a set of characters, which may be repeated: nothing to go back to. */
const SIMPLE_PATTERN =
  /^(?:[^\\[\](){}*+?.^$|]|\\[^1-9kKgGPpux]|\\[pP]\{\w+\}|\[\^?(?:[^\\[\]]|\\[^PpuxkK]|\\[pP]\{\w+\})+\])(?:[+*]|\{\d{1,3},\d{0,3}\})?$/;

/** Factor by which the steps of a tokenizer may lengthen a text: NFKC makes 18 letters of one sign. */
const MAX_GROWTH = 64;
/** Factor beyond which they are refused: memory would run out before a limit of it could act. */
const MAX_LIMITED_GROWTH = 1024;
/** Maximum number of steps: the files of known models have up to six. */
const MAX_STEPS = 16;
/** Maximum length of a word for WordPiece, which takes the square of it; the usual limit is 100. */
const MAX_WORD = 1000;
/** Maximum length of texts that a model puts before or after each token. */
const MAX_AFFIX = 16;

/**
 * Checks that a tokenizer's work is linear in a text's length, whatever the text: its regular
 * expressions are simple or known, and its steps lengthen the text by no large factor. A tokenizer that
 * fails may be harmless all the same.
 *
 * @param json content of tokenizer.json
 * @throws {Error} when a step's settings are broken
 */
export function isLinear(json: JsonObject): boolean {
  const model = Object(json.model) as JsonObject;
  const affixes = [model.continuing_subword_prefix, model.end_of_word_suffix];
  return chainsOf(json).every((steps) =>
    steps.length <= MAX_STEPS && steps.every(({ pattern }) => isSimple(Object(pattern).Regex)) &&
    growthOfAll(steps) <= MAX_GROWTH
  ) &&
    Number(model.max_input_chars_per_word ?? 0) <= MAX_WORD &&
    affixes.every((text) => text === undefined || text === null || lengthOf(text) <= MAX_AFFIX);
}

/**
 * Checks that a tokenizer's steps do not multiply a text beyond all bounds.
 *
 * @param json content of tokenizer.json
 * @throws {Error} saying how many steps there are, or by how much they lengthen a text
 */
export function checkGrowth(json: JsonObject): void {
  for (const steps of chainsOf(json)) {
    if (steps.length > MAX_STEPS) {
      throw new Error(`it has more than ${MAX_STEPS} steps, one after another`);
    }
    const growth = growthOfAll(steps);
    if (growth <= MAX_LIMITED_GROWTH) continue;
    throw new Error(
      `its steps may make a text ${Math.floor(growth)} times as long, at most ` +
        `${MAX_LIMITED_GROWTH} times is supported`,
    );
  }
}

/** Steps before a text's tokens are looked up, and those that make text of tokens. */
function chainsOf(json: JsonObject): JsonObject[][] {
  const before = [...stepsOf(json.normalizer), ...stepsOf(json.pre_tokenizer)];
  return [before, stepsOf(json.decoder)];
}

function growthOfAll(steps: readonly JsonObject[]): number {
  return steps.reduce((product, step) => product * growthOf(step), 1);
}

/** Steps of a normalizer, pre-tokenizer or decoder, sequences taken apart; too many of them are cut. */
function stepsOf(root: unknown): JsonObject[] {
  const steps: JsonObject[] = [];
  const open = [root];
  for (let seen = 0; open.length > 0 && seen <= 4 * MAX_STEPS; seen++) {
    const step = Object(open.pop()) as JsonObject;
    const inner = [step.normalizers, step.pretokenizers, step.decoders].flatMap((list) =>
      Array.isArray(list) ? list : []
    );
    open.push(...inner);
    if (inner.length === 0 && Object.keys(step).length > 0) steps.push(step);
  }
  // What is left of a sequence without end counts as steps.
  return [...steps, ...open.slice(0, MAX_STEPS + 1).map(() => ({}))];
}

function isSimple(pattern: unknown): boolean {
  if (pattern === undefined) return true;
  return typeof pattern === "string" &&
    (SIMPLE_PATTERN.test(pattern) || KNOWN_PATTERNS.includes(pattern));
}

/** Factor by which a step can lengthen a text at most, as far as its settings decide that. */
function growthOf(step: JsonObject): number {
  switch (step.type) {
    case "ByteLevel":
      // A character beyond ASCII becomes one for each of its bytes.
      return 3;
    case "Replace": {
      // An expression may match between any two characters.
      const text = Object(step.pattern).String;
      const content = lengthOf(step.content);
      return text ? Math.max(1, content / lengthOf(text)) : 1 + content;
    }
    case "Metaspace":
      return Math.max(1, lengthOf(step.replacement));
    case "Precompiled":
      return Math.max(1, new Charsmap(step.precompiled_charsmap).longestReplacement);
    case "Prepend":
      return 1 + lengthOf(step.prepend) / 64;
    default:
      return 1;
  }
}

function lengthOf(text: unknown): number {
  return typeof text === "string" ? text.length : Object.keys(Object(text)).length;
}
