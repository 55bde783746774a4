import { basename } from "../platform/paths.ts";
import { COMPANIONS } from "../formats/companions.ts";
import { isTable } from "../formats/table_extensions.ts";
import type { Repo } from "./repo.ts";

/** Files of models, tokenizers and adapters beside the weights. */
const MODEL_FILES: readonly string[] = [...COMPANIONS, "adapter_config.json"];
const CHAT_TEMPLATE = /^additional_chat_templates\/[^/]+\.jinja$/;

/** Complete forms of a model's weights, in order of preference. */
const MODEL_WEIGHTS: readonly RegExp[] = [
  /^model\.safetensors$/,
  /^model(\.safetensors\.index\.json|-\d+-of-\d+\.safetensors)$/,
  /^pytorch_model\.bin$/,
  /^pytorch_model(\.bin\.index\.json|-\d+-of-\d+\.bin)$/,
];
const ONNX: readonly RegExp[] = [/^onnx\/model\.onnx(_data)?$/, /^model\.onnx(_data)?$/];

/** The same for an adapter's weights, and the value head beside them. */
const ADAPTER_WEIGHTS: readonly RegExp[] = [
  /^adapter_model\.safetensors$/,
  /^adapter_model\.bin$/,
];
const VALUE_HEAD = /^value_head\.safetensors$/;

/**
 * Selects the files of a repository that Temper reads or copies along: of a model its configuration,
 * tokenizer and one form of its weights (safetensors, else .bin, else ONNX; ONNX first where that is
 * wanted), of a dataset its tables.
 */
export function neededFiles<F extends { path: string }>(
  { type, onnx }: Pick<Repo, "type" | "onnx">,
  files: readonly F[],
): F[] {
  if (type === "dataset") {
    return files.filter(({ path }) => isTable(basename(path)) && !basename(path).startsWith("."));
  }
  const wanted = [onnx ? [...ONNX, ...MODEL_WEIGHTS] : [...MODEL_WEIGHTS, ...ONNX], ADAPTER_WEIGHTS]
    .map((forms) => forms.find((form) => files.some(({ path }) => form.test(path))))
    .filter((form) => form !== undefined);
  return files.filter(({ path }) =>
    MODEL_FILES.includes(path) ||
    [CHAT_TEMPLATE, VALUE_HEAD, ...wanted].some((form) => form.test(path))
  );
}
