/** A thread that reads Parquet files. */
import { answerCalls } from "../platform/limited_thread.ts";
import { parquetRows } from "./parquet_rows.ts";

answerCalls(() => parquetRows);
