/** The parser's wordings of wrong usage, and ours. */
const WORDINGS: readonly (readonly [pattern: RegExp, words: string])[] = [
  [
    /^(\S+): Expected a value greater than or equal to ([\d,.-]+), but got (.*)$/,
    "$1 must be at least $2, found $3",
  ],
  [/^Flag (\S+) does not accept a value, but got: (.*)$/, "$1 takes no value, found $2"],
  [
    /^(\S+): Expected a value less than or equal to ([\d,.-]+), but got (.*)$/,
    "$1 must be at most $2, found $3",
  ],
  [/^(\S+): Expected a valid integer, but got (.*)$/, "$1 must be an integer, found $2"],
  [/^(\S+): Expected one of (.*), but got (.*)$/, "$1 must be one of $2, found $3"],
  [/^(\S+): Expected a string matching pattern (.*), but got (.*)$/, "$1 must match $2, found $3"],
  [/^Missing option (\S+)$/, "$1 is required"],
  [/^(\S+) cannot be used multiple times$/, "$1 is given more than once"],
  [/^Expected an? (\S+), but too few arguments$/, "$1 is missing"],
  [/^Option (\S+) is a Boolean flag, but got a value: (.*)$/, "$1 takes no value, found $2"],
  [/^Unexpected option or subcommand: (.*)$/, "there is no command $1"],
  [
    /^Unsupported shell (\S+)\. Available shells: (.*)$/,
    "there is no completion for the shell $1: known are $2",
  ],
  [/^Missing shell name for completion$/, "no shell given: see temper completion --help"],
];

/** Colors, which the parser sets where standard output has them. */
// deno-lint-ignore no-control-regex
const COLORS = /\x1b\[[\d;]*m/g;

/** The parser's message about wrong usage as one line in the voice of the other errors. */
export function usageError(message: string): string {
  const line = message.replaceAll(COLORS, "").replace(/^Error: /, "").replace(/\s+/g, " ").trim()
    .replace(/\.$/, "").replaceAll("`", "");
  for (const [pattern, words] of WORDINGS) {
    if (pattern.test(line)) return plainValues(line.replace(pattern, words));
  }
  return line.charAt(0).toLowerCase() + line.slice(1);
}

/** Numbers without separators, and lists of allowed values as the settings' own messages have them. */
function plainValues(line: string): string {
  const [allowed, ...found] = line.split(", found ");
  const plain = allowed.replace(/(?<=\d),(?=\d{3}\b)/g, "").replace(
    /(?<=\b(one of|known are) ).*/,
    (list) => list.replaceAll('"', "").replace(/,? and /, ", "),
  );
  return [plain, ...found].join(", found ");
}
