import { CsvError, parse } from "../packages/csv.ts";
import { UserError } from "../errors.ts";
import { checkDepth } from "../formats/hf_config.ts";
import { refusePointer } from "../formats/lfs_pointer.ts";
import { TABLE_EXTENSIONS } from "../formats/table_extensions.ts";
import { decodeUtf8 } from "../formats/utf8.ts";
import { MAX_TEXT_BYTES, readFile } from "../platform/files.ts";
import { ioReason } from "../platform/io_error.ts";
import { extname } from "../platform/paths.ts";
import { parseParquet } from "./parquet.ts";

/** Rows of a CSV, JSON, JSONL or Parquet file, or of several that are parts of one. */
export interface Table {
  /** Path of the file, or of the first of several, for messages. */
  path: string;
  /** Names of the columns, in the file's order. */
  columns: string[];
  /** Values by column: texts in CSV, anything in JSONL and Parquet. */
  rows: Record<string, unknown>[];
}

/** Maximum number of bytes of a Parquet file: twenty times as much is what its rows may take. */
const MAX_PARQUET_BYTES = 2 ** 32;

const TEXT_PARSERS: Readonly<Record<string, (path: string, text: string) => Table>> = {
  ".csv": parseCsv,
  ".json": parseJsonList,
  ".jsonl": parseJsonLines,
};

/**
 * Reads a CSV file with a header line, a JSON file with a list of objects, a JSONL file with one object
 * per line, or a Parquet file.
 *
 * @throws UserError naming the file, and the line where one is at fault.
 */
export async function readTable(path: string): Promise<Table> {
  const extension = extname(path).toLowerCase();
  if (!TABLE_EXTENSIONS.includes(extension)) {
    throw new UserError(`${path} is not a dataset: expected ${TABLE_EXTENSIONS.join(", ")}`);
  }
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await readFile(path, extension === ".parquet" ? MAX_PARQUET_BYTES : MAX_TEXT_BYTES);
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${ioReason(error)}`, { cause: error });
  }
  refusePointer(path, bytes);
  return extension === ".parquet"
    ? { path, ...await parseParquet(path, bytes) }
    : TEXT_PARSERS[extension](path, decodeUtf8(path, bytes));
}

/**
 * Reads a table from one file, or from several that are its parts, in order.
 *
 * @throws UserError as {@linkcode readTable}, or when the columns of the files differ.
 */
export async function readParts(paths: readonly string[]): Promise<Table> {
  const [first, ...rest] = await Array.fromAsync(paths, readTable);
  for (const part of rest) {
    const [expected, found] = [first, part].map(({ columns }) => [...columns].sort().join(", "));
    if (found !== expected) {
      throw new UserError(`${part.path} has the columns ${found}, ${first.path} has ${expected}`);
    }
    first.rows = first.rows.concat(part.rows);
  }
  return first;
}

/**
 * Finds the first of several names among a table's columns; null where there is none.
 *
 * @throws {UserError} when there are several columns of that name: a row has the last one, other readers
 * take the first
 */
export function findColumn(table: Table, names: readonly string[]): string | null {
  const found = names.find((name) => table.columns.includes(name));
  if (found === undefined) return null;
  if (table.columns.indexOf(found) !== table.columns.lastIndexOf(found)) {
    throw new UserError(`${table.path} has several columns "${found}": rename all but one`);
  }
  return found;
}

/** Names of characters that other programs separate columns with. */
const OTHER_SEPARATORS: Readonly<Record<string, string>> = {
  ";": "semicolons",
  "\t": "tabs",
  "|": "vertical bars",
};

/** Refuses a table whose header line has no comma, and one of the other separators. */
function checkSeparator(path: string, text: string): void {
  const header = /^[^\r\n]*/.exec(text.trimStart())![0].replaceAll(/"(?:[^"]|"")*"/g, '""');
  const found = Object.keys(OTHER_SEPARATORS).find((separator) => header.includes(separator));
  if (header.includes(",") || found === undefined) return;
  throw new UserError(
    `${path} separates its columns by ${
      OTHER_SEPARATORS[found]
    }, expected commas: save it with commas, or as JSONL`,
  );
}

function parseCsv(path: string, text: string): Table {
  checkSeparator(path, text);
  let records: string[][];
  try {
    records = parse(text, { bom: true, skip_empty_lines: true });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new UserError(`${path} is not CSV: ${error.message}`, { cause: error });
  }
  const [columns, ...values] = records;
  if (!columns) throw new UserError(`${path} is empty: expected a header line and rows`);
  const rows = values.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
  return { path, columns, rows };
}

/** A list of objects; some files of this name have an object per line. */
function parseJsonList(path: string, text: string): Table {
  if (isOneObject(text)) {
    throw new UserError(`${path} holds one JSON object, expected a list of objects ([{…}, …])`);
  }
  if (!text.trimStart().startsWith("[")) return parseJsonLines(path, text);
  let list: unknown[];
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  return tableOf(path, list.map((row, i) => [`${path}, item ${i + 1},`, row]));
}

function parseJsonLines(path: string, text: string): Table {
  const rows: [place: string, row: unknown][] = [];
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    try {
      rows.push([`${path}, line ${i + 1},`, JSON.parse(line)]);
    } catch (error) {
      throw new UserError(`${path}, line ${i + 1}, is not JSON: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
  return tableOf(path, rows);
}

/** Tells whether a text is one object over several lines. */
function isOneObject(text: string): boolean {
  if (!text.trimStart().startsWith("{") || !text.trim().includes("\n")) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    // An object per line, or no JSON at all.
    return false;
  }
}

/** Table of rows, which have to be objects. */
function tableOf(path: string, rows: readonly [place: string, row: unknown][]): Table {
  const columns = new Set<string>();
  for (const [place, row] of rows) {
    if (typeof row !== "object" || row === null || Array.isArray(row)) {
      throw new UserError(`${place} is not a JSON object ({"dialogue": …})`);
    }
    checkDepth(row, place);
    for (const name of Object.keys(row)) columns.add(name);
  }
  if (rows.length === 0) throw new UserError(`${path} is empty: expected JSON objects`);
  return {
    path,
    columns: [...columns],
    rows: rows.map(([, row]) => row as Record<string, unknown>),
  };
}
