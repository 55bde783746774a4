/** Part of a text that is in both texts, or in one only. */
export interface DiffPart {
  /** Words with the space around them. */
  text: string;
  /** True where the other text lacks it. */
  changed: boolean;
}

/** Maximum number of words to compare; longer texts count as different throughout, to bound the time. */
const MAX_WORDS = 1000;

/** Compares two texts word by word: words outside their longest common subsequence have changed. */
export function wordDiff(before: string, after: string): { before: DiffPart[]; after: DiffPart[] } {
  const a = words(before);
  const b = words(after);
  if (a.length > MAX_WORDS || b.length > MAX_WORDS) {
    const changed = before !== after;
    return { before: [{ text: before, changed }], after: [{ text: after, changed }] };
  }
  // common[i][j]: length of the longest common subsequence of a from i and b from j.
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i][j] = a[i].trim() === b[j].trim()
        ? common[i + 1][j + 1] + 1
        : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  const result = { before: [] as DiffPart[], after: [] as DiffPart[] };
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i].trim() === b[j].trim()) {
      append(result.before, a[i++], false);
      append(result.after, b[j++], false);
    } else if (j === b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) {
      append(result.before, a[i++], true);
    } else append(result.after, b[j++], true);
  }
  return result;
}

/** Splits a text into words, each with the space around it. */
function words(text: string): string[] {
  return text.match(/\s*\S+\s*/g) ?? [];
}

function append(parts: DiffPart[], text: string, changed: boolean): void {
  const last = parts.at(-1);
  if (last?.changed === changed) last.text += text;
  else parts.push({ text, changed });
}
