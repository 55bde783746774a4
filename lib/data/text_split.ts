/** Treatment of the parts that match, by its name in tokenizer.json (`SplitDelimiterBehavior`). */
const BEHAVIORS = {
  Removed: (parts: readonly Part[]) => parts.filter(({ matches }) => !matches),
  Isolated: (parts: readonly Part[]) => parts,
  Contiguous: (parts: readonly Part[]) =>
    joined(parts, (part, before) => part.matches === before.matches),
  MergedWithPrevious: (parts: readonly Part[]) =>
    joined(parts, (part, before) => part.matches && !before.matches),
  MergedWithNext: (parts: readonly Part[]) =>
    joined(parts, (part, before) => before.matches && !part.matches),
} as const;

/** Name of a behavior. */
export type SplitBehavior = keyof typeof BEHAVIORS;

/** Part of a text, between the pattern's matches or one of them. */
interface Part {
  text: string;
  matches: boolean;
}

/** Checks a behavior's name. @throws {Error} when it is none */
export function splitBehavior(name: unknown): SplitBehavior {
  const known = Object.keys(BEHAVIORS).find((own) =>
    own.toLowerCase() === String(name).toLowerCase()
  );
  if (known !== undefined) return known as SplitBehavior;
  throw new Error(
    `it splits by the behavior ${JSON.stringify(name)}, known are ${
      Object.keys(BEHAVIORS).join(", ")
    }`,
  );
}

/**
 * Divides a text at a pattern's matches as `NormalizedString::split` of the tokenizers library does.
 *
 * @param pattern regular expression with the flag `g`
 * @param options.invert take what lies between the matches for the delimiters. Default false
 */
export function splitText(
  text: string,
  pattern: RegExp,
  behavior: SplitBehavior,
  { invert = false }: { invert?: boolean } = {},
): string[] {
  const parts: Part[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    parts.push({ text: text.slice(end, match.index), matches: invert });
    parts.push({ text: match[0], matches: !invert });
    end = match.index + match[0].length;
  }
  parts.push({ text: text.slice(end), matches: invert });
  const kept = BEHAVIORS[behavior](parts.filter(({ text }) => text !== ""));
  return kept.map(({ text }) => text);
}

/** Joins a part to the one before where they belong together. */
function joined(
  parts: readonly Part[],
  belongs: (part: Part, before: Part) => boolean,
): Part[] {
  const all: Part[] = [];
  parts.forEach((part, i) => {
    if (i > 0 && belongs(part, parts[i - 1])) all[all.length - 1].text += part.text;
    else all.push({ ...part });
  });
  return all;
}
