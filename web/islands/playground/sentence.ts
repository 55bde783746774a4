import { capitalized } from "../../shared/format.ts";

/** Makes a sentence of the message of an error, with the advice that a page can give. */
export function sentenceOf(message: string): string {
  const advised = message
    .replaceAll("`dialogueColumn`", "Column of the text")
    .replace(
      /^(cannot download .*? from \S+): .*$/s,
      "$1: this page connects to nothing but its own server; pick the files on your machine instead",
    );
  // A name, such as that of a setting, stays as it is.
  const isName = /^\S*[A-Z_./]/.test(advised);
  return (isName ? advised : capitalized(advised)).replace(/\.*$/, ".");
}
