/**
 * Estimates in how many ways a backtracking engine may try a regular expression on a text before it
 * gives up: Infinity for a repetition of what can match in several ways, which takes exponential time,
 * and else a power of the text's length. Alternatives count as ways unless they are different words.
 *
 * @param pattern regular expression that JavaScript accepts
 * @param length of the text
 */
export function matchingWays(pattern: string, length: number): number {
  let at = 0;

  const alternatives = (): number => {
    let ways = 0;
    const words: string[] = [];
    let isWords = true;
    do {
      const start = at;
      ways += sequence();
      const word = pattern.slice(start, at);
      words.push(word);
      isWords &&= /^[\w.\\-]+$/.test(word);
    } while (pattern[at++] === "|");
    const apart = words.every((word, i) =>
      words.every((other, j) => i === j || !other.startsWith(word))
    );
    return isWords && apart ? 1 : ways;
  };

  const sequence = (): number => {
    let ways = 1;
    while (at < pattern.length && pattern[at] !== "|" && pattern[at] !== ")") {
      const inner = atom();
      const { min, max } = quantifier();
      if (max > 1) ways *= inner > 1 ? power(inner, max) : 1;
      else ways *= inner;
      ways *= Math.min(max, length) - Math.min(min, length) + 1;
    }
    return ways;
  };

  const atom = (): number => {
    const head = /^\((?:\?(?:[:=!]|<[=!]|<\w+>|[a-z-]*:))?/.exec(pattern.slice(at, at + 80))?.[0];
    if (head) {
      at += head.length;
      return alternatives();
    }
    if (pattern[at] === "[") {
      for (at++; at < pattern.length && pattern[at] !== "]"; at++) if (pattern[at] === "\\") at++;
      at++;
      return 1;
    }
    at += pattern[at] === "\\" ? 2 : 1;
    return 1;
  };

  /** Least and greatest number of repetitions of what stands before. */
  const quantifier = (): { min: number; max: number } => {
    const [text, sign, min, comma, max] =
      /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(pattern.slice(at, at + 40)) ?? [""];
    at += text.length;
    if (sign) return { min: sign === "+" ? 1 : 0, max: sign === "?" ? 1 : Infinity };
    if (text === "") return { min: 1, max: 1 };
    return { min: Number(min), max: max ? Number(max) : comma ? Infinity : Number(min) };
  };

  /** Ways of repeating something that has several: unlimited repetition has no limit of ways either. */
  const power = (inner: number, times: number): number =>
    times === Infinity ? Infinity : inner ** times;

  const ways = alternatives();
  return Number.isNaN(ways) ? Infinity : ways;
}
