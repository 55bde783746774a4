import { visibleText } from "../visible_text.ts";

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
/** East Asian wide and fullwidth characters, and emoji: two columns each. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
/** Characters that move no cursor: controls, combining marks, joiners. */
const ZERO = /^[\p{Cc}\p{Mn}\p{Me}\p{Cf}]+$/u;

function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), (part) => part.segment);
}

function graphemeWidth(grapheme: string): number {
  if (ZERO.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}

/** Columns that a text takes on a terminal (one line, without escape sequences). */
export function displayWidth(text: string): number {
  let width = 0;
  for (const grapheme of graphemes(text)) width += graphemeWidth(grapheme);
  return width;
}

/** Shortens a text to at most `width` columns, with an ellipsis for what was cut. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let result = "";
  let used = 0;
  for (const grapheme of graphemes(text)) {
    const next = used + graphemeWidth(grapheme);
    if (next > width - 1) break;
    result += grapheme;
    used = next;
  }
  return width > 0 ? result.trimEnd() + "…" : "";
}

/**
 * Breaks a text into lines of at most `width` columns, between words where possible. White space
 * counts as one space; control characters are shown as symbols; words longer than a line are broken.
 *
 * @param maxLines maximum number of lines; the last one ends in an ellipsis if there were more
 */
export function wrap(text: string, width: number, maxLines = Infinity): string[] {
  const lines: string[] = [];
  let line = "";
  let used = 0;
  const flush = () => {
    lines.push(line);
    line = "";
    used = 0;
  };
  for (const word of text.split(/\s+/).filter(Boolean).map(visibleText)) {
    const length = displayWidth(word);
    if (used > 0 && used + 1 + length > width) flush();
    if (used > 0) {
      line += " " + word;
      used += 1 + length;
      continue;
    }
    for (const grapheme of graphemes(word)) {
      const columns = graphemeWidth(grapheme);
      if (used > 0 && used + columns > width) flush();
      line += grapheme;
      used += columns;
    }
  }
  if (line !== "" || lines.length === 0) lines.push(line);
  if (lines.length <= maxLines) return lines;
  const last = lines.slice(maxLines - 1).join(" ");
  return [...lines.slice(0, maxLines - 1), truncate(last, width)];
}

/** Minimum columns of a text beside its heading; on narrower terminals the terminal breaks it. */
const NARROWEST_TEXT = 20;

/** A heading and a text of one line, whose further lines are indented to where it begins. */
export function hanging(heading: string, text: string, width: number): string {
  const indent = displayWidth(heading);
  if (width - indent < NARROWEST_TEXT || indent + displayWidth(text) <= width) {
    return heading + text;
  }
  return heading + wrap(text, width - indent).join("\n" + " ".repeat(indent));
}

/** Pads a text with spaces to `width` columns. */
export function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const blanks = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "left" ? text + blanks : blanks + text;
}
