/** Extensions of the files that datasets are read from, in lower case. */
export const TABLE_EXTENSIONS: readonly string[] = [".csv", ".json", ".jsonl", ".parquet"];

/** Files beside the tables of Hugging Face's datasets, which describe them. */
const DESCRIPTIONS = /^(?:dataset_infos?|dataset_dict|state)\.json$/;

/** Tells whether a file of this name, without its folder, may be a table. */
export function isTable(name: string): boolean {
  const extension = /\.[^.]*$/.exec(name)?.[0].toLowerCase() ?? "";
  return TABLE_EXTENSIONS.includes(extension) && !DESCRIPTIONS.test(name);
}
