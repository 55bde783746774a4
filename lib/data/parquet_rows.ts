import {
  compressors,
  parquetMetadata,
  parquetReadObjects,
  parquetSchema,
} from "../packages/parquet.ts";

/** Rows of a Parquet file. */
export interface ParquetRows {
  /** Names of the columns, in the file's order. */
  columns: string[];
  /** Values by column. */
  rows: Record<string, unknown>[];
}

/** Maximum size of all values together, in characters of text, for a small file. */
const MAX_SIZE = 2 ** 27;
/** Additional characters for each byte of the file: text is rarely compressed to less than a tenth. */
const MAX_SIZE_PER_BYTE = 20;

/**
 * Reads the rows of a Parquet file. Decompresses, which can take any time and memory: only for a
 * thread with limits.
 *
 * @throws Error when the bytes are not Parquet, or the rows are too large to be handed on: entries of
 * a dictionary that many rows share are small here, but not elsewhere.
 */
export async function parquetRows(bytes: Uint8Array<ArrayBuffer>): Promise<ParquetRows> {
  const file = bytes.buffer;
  const metadata = parquetMetadata(file);
  const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
  const records = await parquetReadObjects({ file, metadata, compressors });
  const maxSize = MAX_SIZE + MAX_SIZE_PER_BYTE * bytes.length;
  let size = 0;
  const measure = (value: unknown): void => {
    size += typeof value === "string" ? value.length : 1;
    if (size > maxSize) {
      throw new Error(`its values have more than ${maxSize} characters once they are unpacked`);
    }
    if (typeof value === "object" && value !== null) Object.values(value).forEach(measure);
  };
  const rows = records.map((row) =>
    Object.fromEntries(columns.map((name) => {
      measure(row[name]);
      return [name, plain(row[name])];
    }))
  );
  return { columns, rows };
}

/** The value with numbers in the place of 64-bit integers, in lists and structures as well. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}
