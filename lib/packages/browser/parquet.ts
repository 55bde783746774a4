/** Datasets in Parquet, and its compressions: a file beside the bundle, loaded on first use. */
const beside = new URL("temper-parquet.js", import.meta.url);
const { compressors, parquetMetadata, parquetReadObjects, parquetSchema }:
  & typeof import("npm:hyparquet@1.31.5")
  & typeof import("npm:hyparquet-compressors@1.1.2") = await import(beside.href);

export { compressors, parquetMetadata, parquetReadObjects, parquetSchema };
