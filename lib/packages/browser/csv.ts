/** Datasets in CSV (RFC 4180), as the package that lib/packages/csv.ts takes reads them. */

/** Text that is not CSV. */
export class CsvError extends Error {
  override name = "CsvError";
}

/**
 * Reads CSV: fields that commas separate, in quotes where they have commas, quotes or line breaks.
 *
 * @param options.bom leave a byte order mark at the beginning out
 * @param options.skip_empty_lines leave out lines without a character
 * @throws {CsvError} naming the line
 */
export function parse(
  text: string,
  { bom, skip_empty_lines }: { bom: boolean; skip_empty_lines: boolean },
): string[][] {
  const records: string[][] = [];
  const lineBreak = /\r\n|\n|\r/.exec(withoutQuoted(text))?.[0] ?? "\n";
  let at = bom && text.startsWith("\ufeff") ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    if (text.startsWith(lineBreak, at)) {
      if (!skip_empty_lines) records.push([""]);
      at += lineBreak.length;
      line++;
      continue;
    }
    const record: string[] = [];
    const first = line;
    for (;;) {
      const field = readField(text, at, line, lineBreak);
      record.push(field.value);
      line += field.lines;
      at = field.end;
      if (text[at] !== ",") break;
      at++;
    }
    at += lineBreak.length;
    line++;
    const expected = records[0]?.length ?? record.length;
    if (record.length !== expected) {
      throw new CsvError(
        `Invalid Record Length: expect ${expected}, got ${record.length} on line ${first}`,
      );
    }
    records.push(record);
  }
  return records;
}

/** Field that begins at `start`; `end` is that of the comma or the line break behind it. */
function readField(
  text: string,
  start: number,
  line: number,
  lineBreak: string,
): { value: string; end: number; lines: number } {
  if (text[start] !== '"') {
    let end = start;
    while (end < text.length && text[end] !== "," && !text.startsWith(lineBreak, end)) end++;
    const value = text.slice(start, end);
    if (!value.includes('"')) return { value, end, lines: 0 };
    throw new CsvError(
      `Invalid Opening Quote: a quote is found on field inside a field on line ${line}`,
    );
  }
  let value = "";
  for (let from = start + 1;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) {
      throw new CsvError(
        `Quote Not Closed: the parsing is finished with an opening quote at line ${line}`,
      );
    }
    value += text.slice(from, quote);
    const end = quote + 1;
    if (text[end] === '"') {
      value += '"';
      from = end + 1;
      continue;
    }
    if (end < text.length && text[end] !== "," && !text.startsWith(lineBreak, end)) {
      throw new CsvError(
        `Invalid Closing Quote: got ${JSON.stringify(text[end])} on line ${line} instead of a ` +
          "comma or the end of the line",
      );
    }
    return { value, end, lines: value.split(lineBreak).length - 1 };
  }
}

/** Text without what is in quotes: line breaks there do not separate records. */
function withoutQuoted(text: string): string {
  return text.slice(0, 1 << 16).replaceAll(/"(?:[^"]|"")*"?/g, "");
}
