import { capitalized } from "../../shared/format.ts";

/** Makes a sentence of the message of an error, with the advice that a page can give. */
export function sentenceOf(message: string): string {
  const advised = message
    .replaceAll("`dialogueColumn`", "Column of the text")
    .replace(
      /^(cannot download .*? from \S+): .*$/s,
      "$1: this page downloads from its own server alone; pick the files on your machine instead",
    )
    .replace("give `model`, the same one here", "pick a copy of it here");
  // A name, such as that of a setting, stays as it is.
  const isName = /^\S*[A-Z_./]/.test(advised);
  const sentence = (isName ? advised : capitalized(advised)).replace(/\.*$/, "");
  return sentence.endsWith("?") ? sentence : `${sentence}.`;
}
