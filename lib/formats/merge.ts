import { UserError } from "../errors.ts";
import { listFolder, makeFolder } from "../platform/files.ts";
import { ioReason } from "../platform/io_error.ts";
import { join } from "../platform/paths.ts";
import { toBf16 } from "./bf16.ts";
import { Checkpoint } from "./checkpoint.ts";
import { copyCompanions } from "./companions.ts";
import { type ModelFiles, modelFiles } from "./model_files.ts";
import { type HostTensor, type PeftAdapter, readPeftAdapter } from "./peft.ts";
import { writeSafetensors } from "./safetensors.ts";
import { elementCount, type TensorData, type TensorInfo } from "./tensor_file.ts";

/** T5's other names for shared.weight, which .bin files repeat and safetensors leave out. */
const TIED_TO_SHARED = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];

/**
 * Maximum number of elements on the host at once while a tensor is copied or merged, in whole rows.
 */
const PIECE_ELEMENTS = 1 << 20;

/**
 * Folds an adapter into its model, W + loraAlpha / r · B A, and writes a plain Hugging Face model
 * folder: model.safetensors in the dtypes of the model's weights, its config.json and tokenizer
 * files.
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
  await modelFiles(model).requiredJson("config.json", "model");
  const update = await readPeftAdapter(adapter);
  using checkpoint = await Checkpoint.open(model);
  checkFits(checkpoint, update, modelFiles(adapter).path);
  await makeEmptyFolder(outputDir);
  const tensors = new Map<string, TensorData>();
  for (const name of checkpoint.files.keys()) {
    if (TIED_TO_SHARED.includes(name) && checkpoint.files.has("shared.weight")) continue;
    const info = checkpoint.info(name);
    const data = () => mergedPieces(checkpoint, info, update);
    tensors.set(name, { dtype: info.dtype, shape: info.shape, data });
  }
  await writeSafetensors(join(outputDir, "model.safetensors"), tensors);
  await copyCompanions(model, outputDir);
}

/** Yields a tensor of the merged model, some rows at a time. */
function* mergedPieces(
  checkpoint: Checkpoint,
  info: TensorInfo,
  { config, tensors }: PeftAdapter,
): Generator<ArrayBufferView<ArrayBuffer>> {
  const { name, shape } = info;
  const [rows, width] = [shape[0] ?? 1, elementCount(shape.slice(1))];
  const module = name.replace(/\.weight$/, "");
  const a = tensors.get(`${module}.lora_A.weight`);
  const b = tensors.get(`${module}.lora_B.weight`);
  const pieceRows = Math.ceil(PIECE_ELEMENTS / width);
  for (let first = 0; first < rows; first += pieceRows) {
    const count = Math.min(pieceRows, rows - first);
    if (!a || !b) {
      yield checkpoint.readBytes(name, first * width, count * width);
      continue;
    }
    const values = checkpoint.readFloats(name, first * width, count * width);
    addUpdate(values, a, b, config.loraAlpha / config.r, first);
    yield encode(values, info, checkpoint.path);
  }
}

/** Adds scale · B A to rows of W, from row `first` on; sums are in f64. */
function addUpdate(
  values: Float32Array,
  { shape: [r, width], data: a }: HostTensor,
  { data: b }: HostTensor,
  scale: number,
  first: number,
): void {
  const sums = new Float64Array(width);
  for (let row = 0; row < values.length / width; row++) {
    sums.fill(0);
    for (let k = 0; k < r; k++) {
      const factor = b[(first + row) * r + k];
      for (let i = 0; i < width; i++) sums[i] += factor * a[k * width + i];
    }
    for (let i = 0; i < width; i++) values[row * width + i] += scale * sums[i];
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

function checkFits(checkpoint: Checkpoint, { tensors }: PeftAdapter, path: string): void {
  for (const [name, { shape }] of tensors) {
    const weight = name.replace(/\.lora_[AB]\.weight$/, ".weight");
    // A is [r, in], B is [out, r].
    const [own, dimension] = name.endsWith(".lora_A.weight") ? [shape[1], 1] : [shape[0], 0];
    const found = checkpoint.files.has(weight) ? checkpoint.info(weight).shape : null;
    if (found?.length === 2 && found[dimension] === own) continue;
    throw new UserError(
      `the adapter in ${path} is for another model: its ${name} is [${shape.join(", ")}], ` +
        `${checkpoint.path} has ${found ? `${weight} [${found.join(", ")}]` : `no ${weight}`}`,
    );
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
