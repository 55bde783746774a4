import { UserError } from "../errors.ts";
import { toBf16 } from "../formats/bf16.ts";
import { Checkpoint, writeCheckpoint } from "../formats/checkpoint.ts";
import { copyCompanions } from "../formats/companions.ts";
import { type ModelFiles, modelFiles } from "../formats/model_files.ts";
import { readPeftAdapter } from "../formats/peft.ts";
import { elementCount, type TensorData, type TensorInfo } from "../formats/tensor_file.ts";
import { writeFileAtomic } from "../platform/atomic_write.ts";
import { listFolder, makeFolder } from "../platform/files.ts";
import { ioReason } from "../platform/io_error.ts";
import { join } from "../platform/paths.ts";
import { adapterChanges, applyChange, type TensorChange } from "./adapter_changes.ts";
import { asClassifierConfig } from "./classifier_config.ts";
import { checkpointLayout } from "./registry.ts";
import { labelCount } from "./sequence_classifier.ts";

/**
 * Maximum number of elements on the host at once while a tensor is copied or merged, in whole rows.
 */
const PIECE_ELEMENTS = 1 << 20;

/** Types of weights that can be merged. */
const FLOATS: ReadonlySet<string> = new Set(["F32", "F16", "BF16"]);

/**
 * Folds an adapter into its model, W + scale · B A with the adapter's scale of each layer, by default
 * loraAlpha / r, and writes a plain Hugging Face model folder: safetensors in the dtypes of the model's
 * weights and in as many files, its config.json and tokenizer files. The head that a classifier's
 * adapter brings along replaces the model's, or makes a classifier of a language model.
 *
 * @param model a folder, or files, with config.json and weights (safetensors or .bin, in one file
 * or several).
 * @param adapter a folder, or files, of a PEFT LoRA adapter for it.
 * @param outputDir the folder to make; it may exist if it is empty.
 * @throws UserError when a file is missing, broken or cannot be written, the adapter is for another
 * model, or the output is not empty.
 */
export async function mergeAdapter(
  model: string | ModelFiles,
  adapter: string | ModelFiles,
  outputDir: string,
): Promise<void> {
  const files = modelFiles(model);
  const config = await files.requiredJson("config.json", "model");
  const peft = await readPeftAdapter(adapter);
  using checkpoint = await Checkpoint.open(files);
  const layout = checkpointLayout(config, files.pathOf("config.json"), checkpoint);
  const { path } = modelFiles(adapter);
  const mayAdd = peft.config.taskType === "SEQ_CLS";
  const changes = adapterChanges(checkpoint, layout, peft, path, { mayAdd });
  // A head that the model does not have, or has for other labels.
  const added = new Map([...changes].filter(([name, change]) =>
    change.kind === "values" &&
    !(checkpoint.has(name) &&
      checkpoint.info(name).shape.join() === change.values.shape.join())
  ));
  await makeEmptyFolder(outputDir);
  const tensors = new Map<string, TensorData>();
  // A language model that becomes a classifier leaves its head, and may get other names.
  const { inClassifier } = layout;
  const nameOf = added.size > 0 && inClassifier ? inClassifier : (name: string) => name;
  const stored = new Map<string, string>();
  for (const name of checkpoint.names()) {
    if (layout.repeated.includes(name) || added.has(name)) continue;
    const own = nameOf(name);
    if (own === null) continue;
    const info = checkpoint.info(name);
    const data = () => pieces(checkpoint, info, changes.get(name) ?? null);
    tensors.set(own, { dtype: info.dtype, shape: info.shape, data });
    stored.set(own, name);
  }
  // Integers, such as RoBERTa's position ids, often come first.
  const names = [...checkpoint.names()];
  const first = names.find((name) => FLOATS.has(checkpoint.info(name).dtype)) ?? names[0];
  const { dtype } = checkpoint.info(first);
  for (const [name, change] of added) {
    if (change.kind !== "values") continue;
    const { shape, data } = change.values;
    const info = { name, dtype, shape };
    tensors.set(name, { dtype, shape, data: encode(data, info, path) });
  }
  const fileOf = (name: string) => checkpoint.fileOf(stored.get(name) ?? first);
  await writeCheckpoint(outputDir, tensors, fileOf);
  await copyCompanions(files, outputDir);
  if (added.size === 0) return;
  const labels = labelCount(peft) ?? 1;
  const own = JSON.stringify(asClassifierConfig(config, labels), null, 2);
  await writeFileAtomic(join(outputDir, "config.json"), own + "\n");
}

/** Yields a tensor of the merged model, some rows at a time. */
function* pieces(
  checkpoint: Checkpoint,
  info: TensorInfo,
  change: TensorChange | null,
): Generator<ArrayBufferView<ArrayBuffer>> {
  const { name, shape } = info;
  const [rows, width] = [shape[0] ?? 1, elementCount(shape.slice(1))];
  const pieceRows = Math.ceil(PIECE_ELEMENTS / width);
  for (let first = 0; first < rows; first += pieceRows) {
    const count = Math.min(pieceRows, rows - first);
    if (!change) {
      yield checkpoint.readBytes(name, first * width, count * width);
      continue;
    }
    const values = checkpoint.readFloats(name, first * width, count * width);
    applyChange(values, width, first, change);
    yield encode(values, info, checkpoint.path);
  }
}

function encode(
  values: Float32Array<ArrayBuffer>,
  { name, dtype }: TensorInfo,
  path: string,
): ArrayBufferView<ArrayBuffer> {
  switch (dtype) {
    case "F32":
      return values;
    case "F16":
      return new Float16Array(values);
    case "BF16":
      return toBf16(values);
    default:
      throw new UserError(`${path}: "${name}" is ${dtype}, expected F32, F16 or BF16 to merge`);
  }
}

async function makeEmptyFolder(dir: string): Promise<void> {
  let isEmpty: boolean;
  try {
    await makeFolder(dir);
    isEmpty = (await listFolder(dir)).length === 0;
  } catch (error) {
    throw new UserError(`cannot make the folder ${dir}: ${ioReason(error)}`, { cause: error });
  }
  if (!isEmpty) {
    throw new UserError(
      `the output folder ${dir} is not empty: choose another one, or delete it first`,
    );
  }
}
