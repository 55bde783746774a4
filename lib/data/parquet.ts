import { assetUrl } from "../../assets.ts";
import { UserError } from "../errors.ts";
import { LimitedThread, LimitError } from "../platform/limited_thread.ts";
import type { ParquetRows } from "./parquet_rows.ts";

/**
 * Reads the rows of a Parquet file in memory, in any of the format's compressions. Integers of 64
 * bits, as ids often are, become numbers.
 *
 * A few bytes of Parquet can claim any number of rows, and decompress to any size. So it is read in
 * a thread of its own, with limits of time and memory that follow from the file's size.
 *
 * @param path the file, for messages.
 * @throws UserError when the bytes are not Parquet, or a limit is exceeded.
 */
export async function parseParquet(
  path: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<ParquetRows> {
  const thread = await LimitedThread.start(assetUrl("lib/data/parquet_thread.ts"));
  const mebibytes = bytes.length / 2 ** 20;
  const limits = { seconds: 30 + mebibytes, bytes: 2 ** 30 + 20 * bytes.length };
  try {
    return await thread.call(bytes, limits) as ParquetRows;
  } catch (error) {
    throw new UserError(
      error instanceof LimitError
        ? `${path} is too large once it is unpacked: ${error.message}`
        : `${path} cannot be read as Parquet: ${(error as Error).message}`,
      { cause: error },
    );
  } finally {
    thread.close();
  }
}
