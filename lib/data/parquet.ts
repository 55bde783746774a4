import { importAsset } from "../../assets.ts";
import { UserError } from "../errors.ts";

/**
 * Reads the rows of a Parquet file in memory, in any of the format's compressions. Integers of 64
 * bits, as ids often are, become numbers.
 *
 * @param path the file, for messages.
 * @throws UserError when the bytes are not Parquet.
 */
export async function parseParquet(
  path: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<{ columns: string[]; rows: Record<string, unknown>[] }> {
  // Only here: most datasets are text, and the decompressors take a while to load.
  const { compressors, parquetMetadata, parquetReadObjects, parquetSchema } = await importAsset<
    typeof import("../packages/parquet.ts")
  >("lib/packages/parquet.ts");
  const file = bytes.buffer;
  try {
    const metadata = parquetMetadata(file);
    const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
    const records = await parquetReadObjects({ file, metadata, compressors });
    const rows = records.map((row) =>
      Object.fromEntries(columns.map((name) => [name, plain(row[name])]))
    );
    return { columns, rows };
  } catch (error) {
    throw new UserError(`${path} is not Parquet: ${(error as Error).message}`, { cause: error });
  }
}

function plain(value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}
