import { basename, extname } from "node:path";
import { TABLE_EXTENSIONS } from "../data/table.ts";
import type { RepoType } from "./repo.ts";

/** Files beside the weights that models, tokenizers and adapters are read from. */
const MODEL_FILES: readonly string[] = [
  "config.json",
  "generation_config.json",
  "adapter_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "spiece.model",
  "vocab.json",
  "vocab.txt",
  "merges.txt",
];

/** Forms of a model's weights, the one to prefer first: each is a whole. */
const MODEL_WEIGHTS: readonly RegExp[] = [
  /^model\.safetensors$/,
  /^model(\.safetensors\.index\.json|-\d+-of-\d+\.safetensors)$/,
  /^pytorch_model\.bin$/,
  /^pytorch_model(\.bin\.index\.json|-\d+-of-\d+\.bin)$/,
  /^model\.onnx(_data)?$/,
  /^onnx\/model\.onnx(_data)?$/,
];

/** The same of an adapter's weights, and of the value head beside them. */
const ADAPTER_WEIGHTS: readonly RegExp[] = [
  /^adapter_model\.safetensors$/,
  /^adapter_model\.bin$/,
];
const VALUE_HEAD = /^value_head\.safetensors$/;

/**
 * Of a repository's files those that Temper reads: of a model its configuration, tokenizer and one
 * form of its weights (safetensors rather than .bin, .bin rather than ONNX), of a dataset its tables.
 */
export function neededFiles<F extends { path: string }>(
  type: RepoType,
  files: readonly F[],
): F[] {
  if (type === "dataset") {
    return files.filter(({ path }) =>
      TABLE_EXTENSIONS.includes(extname(path)) && !basename(path).startsWith(".")
    );
  }
  const wanted = [MODEL_WEIGHTS, ADAPTER_WEIGHTS]
    .map((forms) => forms.find((form) => files.some(({ path }) => form.test(path))))
    .filter((form) => form !== undefined);
  return files.filter(({ path }) =>
    MODEL_FILES.includes(path) || VALUE_HEAD.test(path) || wanted.some((form) => form.test(path))
  );
}
