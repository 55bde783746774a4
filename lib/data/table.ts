import { CsvError, parse } from "csv-parse/sync";
import { extname } from "node:path";
import { UserError } from "../errors.ts";
import { ioReason } from "../formats/io_error.ts";

/** The rows of a CSV or JSONL file. */
export interface Table {
  /** The file, for messages. */
  path: string;
  /** Names of the columns, in the file's order. */
  columns: string[];
  /** Values by column: texts in CSV, anything in JSONL. */
  rows: Record<string, unknown>[];
}

/** Extensions that {@linkcode readTable} reads. */
export const TABLE_EXTENSIONS: readonly string[] = [".csv", ".jsonl"];

/**
 * Reads a CSV file with a header line, or a JSONL file with an object a line.
 *
 * @throws UserError naming the file, and the line where one is at fault.
 */
export async function readTable(path: string): Promise<Table> {
  const extension = extname(path).toLowerCase();
  if (!TABLE_EXTENSIONS.includes(extension)) {
    throw new UserError(`${path} is not a dataset: expected ${TABLE_EXTENSIONS.join(" or ")}.`);
  }
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new UserError(`Cannot read ${path}: ${ioReason(error)}.`, { cause: error });
  }
  return extension === ".csv" ? parseCsv(path, text) : parseJsonLines(path, text);
}

function parseCsv(path: string, text: string): Table {
  let records: string[][];
  try {
    records = parse(text, { bom: true, skip_empty_lines: true });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new UserError(`${path} is not CSV: ${error.message}.`, { cause: error });
  }
  const [columns, ...values] = records;
  if (!columns) throw new UserError(`${path} is empty: expected a header line and rows.`);
  const rows = values.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
  return { path, columns, rows };
}

function parseJsonLines(path: string, text: string): Table {
  const columns = new Set<string>();
  const rows: Record<string, unknown>[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch (error) {
      throw new UserError(`${path}, line ${i + 1}, is not JSON: ${(error as Error).message}.`, {
        cause: error,
      });
    }
    if (typeof row !== "object" || row === null || Array.isArray(row)) {
      throw new UserError(`${path}, line ${i + 1}, is not a JSON object ({"dialogue": …}).`);
    }
    for (const name of Object.keys(row)) columns.add(name);
    rows.push(row as Record<string, unknown>);
  }
  if (rows.length === 0) throw new UserError(`${path} is empty: expected a JSON object a line.`);
  return { path, columns: [...columns], rows };
}
