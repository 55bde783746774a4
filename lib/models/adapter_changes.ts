import { UserError } from "../errors.ts";
import type { HostTensor, PeftAdapter } from "../formats/peft.ts";
import { loraNumbers } from "../formats/target_modules.ts";
import type { TensorInfo } from "../formats/tensor_file.ts";
import type { CheckpointLayout } from "./family.ts";

/** Change that an adapter makes to a tensor of its model. */
export type TensorChange =
  /** Adds scale · left right, of left [rows, r] and right [r, width]. */
  | {
    readonly kind: "update";
    readonly left: HostTensor;
    readonly right: HostTensor;
    readonly scale: number;
  }
  /** Replaces all values. */
  | { readonly kind: "values"; readonly values: HostTensor };

/** Tensors of a model's files, as far as an adapter's fit is concerned. */
interface TensorShapes {
  /** Path of the files, for messages. */
  readonly path: string;
  has(name: string): boolean;
  info(name: string): TensorInfo;
}

/**
 * Lists what an adapter changes, by the names of the checkpoint's tensors.
 *
 * @param path path of the adapter, for messages
 * @param options `mayAdd` lets it bring a head along where the checkpoint has none, or one for another
 *   number of labels
 * @throws {UserError} naming the first tensor that does not fit
 */
export function adapterChanges(
  checkpoint: TensorShapes,
  layout: CheckpointLayout,
  { config, tensors, replaced = new Map() }: PeftAdapter,
  path: string,
  { mayAdd = false }: { mayAdd?: boolean } = {},
): ReadonlyMap<string, TensorChange> {
  const changes = new Map<string, TensorChange>();
  const numbers = loraNumbers(config);
  const fail = (tensor: string, { shape }: HostTensor, name: string) => {
    const found = checkpoint.has(name)
      ? `${name} [${checkpoint.info(name).shape.join(", ")}]`
      : `no ${name}`;
    return new UserError(
      `the adapter in ${path} is for another model: its ${tensor} is [${shape.join(", ")}], ` +
        `${checkpoint.path} has ${found}`,
    );
  };
  for (const [tensor, a] of tensors) {
    if (!tensor.endsWith(".lora_A.weight")) continue;
    const module = tensor.slice(0, -".lora_A.weight".length);
    const tensorB = `${module}.lora_B.weight`;
    const b = tensors.get(tensorB)!;
    const { name, fanInFanOut } = layout.weight(module);
    const shape = checkpoint.has(name) ? checkpoint.info(name).shape : [];
    const [outFeatures, inFeatures] = fanInFanOut ? shape.toReversed() : shape;
    if (shape.length !== 2 || inFeatures !== a.shape[1]) throw fail(tensor, a, name);
    if (outFeatures !== b.shape[0]) throw fail(tensorB, b, name);
    const [left, right] = fanInFanOut ? [transposed(a), transposed(b)] : [b, a];
    changes.set(name, { kind: "update", left, right, scale: numbers(module).scale });
  }
  for (const [name, values] of replaced) {
    const shape = checkpoint.has(name) ? checkpoint.info(name).shape : null;
    const width = (shape: readonly number[]) => shape.slice(1).join();
    const fits = shape === null || shape.join() !== values.shape.join()
      ? mayAdd && (shape === null || width(shape) === width(values.shape))
      : true;
    if (!fits) throw fail(name, values, name);
    changes.set(name, { kind: "values", values });
  }
  return changes;
}

/** Changes rows of a tensor in place, from row `first` on; sums are in f64. */
export function applyChange(
  rows: Float32Array,
  width: number,
  first: number,
  change: TensorChange,
): void {
  if (change.kind === "values") {
    rows.set(change.values.data.subarray(first * width, first * width + rows.length));
    return;
  }
  const { left, right, scale } = change;
  const r = right.shape[0];
  const sums = new Float64Array(width);
  for (let row = 0; row < rows.length / width; row++) {
    sums.fill(0);
    for (let k = 0; k < r; k++) {
      const factor = left.data[(first + row) * r + k];
      for (let i = 0; i < width; i++) sums[i] += factor * right.data[k * width + i];
    }
    for (let i = 0; i < width; i++) rows[row * width + i] += scale * sums[i];
  }
}

function transposed({ shape: [rows, columns], data }: HostTensor): HostTensor {
  const result = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = data[i * columns + j];
  }
  return { shape: [columns, rows], data: result };
}
