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
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** First name that an object in a JSON text has twice; null for none. `JSON.parse` takes the last one. */
export function repeatedName(json: string): string | null {
  // The names of the objects that are open; null for a list.
  const open: (Set<string> | null)[] = [];
  for (const [token, text, colon] of json.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}[\]]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (text === undefined) open.pop();
    if (colon === undefined) continue;
    const name: string = JSON.parse(text);
    const names = open.at(-1)!;
    if (names.has(name)) return name;
    names.add(name);
  }
  return null;
}
