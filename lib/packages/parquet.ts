/** Datasets in Parquet, and its compressions. Loaded with the first. */
export { parquetMetadata, parquetReadObjects, parquetSchema } from "npm:hyparquet@1.31.5";
export { compressors } from "npm:hyparquet-compressors@1.1.2";
