/** A stretch of text that is the same on both sides, or on one only. */
export interface DiffPart {
  /** Words and the space between them. */
  text: string;
  /** Whether the other side lacks it. */
  changed: boolean;
}

/** Words beyond which two texts are marked as all different, to bound the time. */
const MOST_WORDS = 1000;

/**
 * Compares two texts word by word: what is in their longest common subsequence of words is the
 * same, the rest has changed.
 */
export function wordDiff(before: string, after: string): { before: DiffPart[]; after: DiffPart[] } {
  const a = words(before);
  const b = words(after);
  if (a.length > MOST_WORDS || b.length > MOST_WORDS) {
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

/** A text's words, each with the space behind it. */
function words(text: string): string[] {
  return text.match(/\s*\S+\s*/g) ?? [];
}

function append(parts: DiffPart[], text: string, changed: boolean): void {
  const last = parts.at(-1);
  if (last?.changed === changed) last.text += text;
  else parts.push({ text, changed });
}
