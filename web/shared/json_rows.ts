/** Row of a file of JSON lines. */
export type JsonRow = Record<string, unknown>;

/** Rows of a file of JSON lines; lines that are not whole are left out. */
export function rowsIn(text: string): JsonRow[] {
  return text.split("\n").map(parseObject).filter((row) => row !== null);
}

/** Parses a line as a JSON object; null for anything else, such as a line torn by a crash. */
export function parseObject(line: string): JsonRow | null {
  try {
    const value = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : null;
  } catch {
    return null;
  }
}
