/** Datasets in Parquet, and its compressions. Loaded on first use. */
export { parquetMetadata, parquetReadObjects, parquetSchema } from "npm:hyparquet@1.31.5";
export { compressors } from "npm:hyparquet-compressors@1.1.2";
