/** Extensions of the files that datasets are read from, in lower case. */
export const TABLE_EXTENSIONS: readonly string[] = [".csv", ".jsonl", ".parquet"];
