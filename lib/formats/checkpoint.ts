import { UserError } from "../errors.ts";
import { writeFileAtomic } from "../platform/atomic_write.ts";
import { basename, join } from "../platform/paths.ts";
import { MAX_POINTER_BYTES, refusePointer } from "./lfs_pointer.ts";
import { type ModelFiles, modelFiles } from "./model_files.ts";
import { DiskFile, type RandomAccessFile } from "./random_access_file.ts";
import { SafetensorsFile, writeSafetensors } from "./safetensors.ts";
import {
  elementCount,
  tensorBytes,
  type TensorData,
  type TensorFile,
  type TensorInfo,
} from "./tensor_file.ts";
import { TorchFile } from "./torch_bin.ts";

/** Elements of two tensors that are compared at a time. */
const PIECE_ELEMENTS = 1 << 20;

/** Files with a model's weights, in transformers' order of preference. */
const WEIGHT_FILES = ["model.safetensors", "pytorch_model.bin"] as const;

/**
 * Opens a .safetensors file, or else a .bin file of PyTorch.
 *
 * @throws UserError as their `open` does.
 */
export function openTensorFile(source: string | RandomAccessFile): TensorFile {
  const file = typeof source === "string" ? DiskFile.open(source) : source;
  if (file.size <= MAX_POINTER_BYTES) refusePointer(file.path, file.read(0, file.size));
  return file.path.endsWith(".safetensors") ? SafetensorsFile.open(file) : TorchFile.open(file);
}

/**
 * Weights of a Hugging Face model, in one file or in several with an index: safetensors if there
 * are any, else PyTorch's .bin.
 *
 * ```ts
 * using checkpoint = await Checkpoint.open("demo/tiny-flan-t5");
 * const firstRow = checkpoint.readFloats("shared.weight", 0, 128);
 * ```
 */
export class Checkpoint implements Disposable {
  private constructor(
    /** Path of the file, or of the index, for messages. */
    readonly path: string,
    /** File of each tensor, by the tensor's name. */
    readonly files: ReadonlyMap<string, TensorFile>,
  ) {}

  /**
   * Opens a model's weights: all files, of which only the directories are read.
   *
   * @param source a folder's path, or files
   * @throws UserError when there are none, or a file is missing or broken.
   */
  static async open(source: string | ModelFiles): Promise<Checkpoint> {
    const folder = modelFiles(source);
    for (const name of WEIGHT_FILES) {
      if (await folder.has(name)) {
        const file = openTensorFile(await folder.open(name));
        const tensors = file.tensors.keys().map((tensor) => [tensor, file] as const);
        return new Checkpoint(file.path, new Map(tensors));
      }
      const index = await folder.json(`${name}.index.json`);
      if (index) {
        const path = folder.pathOf(`${name}.index.json`);
        return await Checkpoint.#openShards(folder, path, index.weight_map);
      }
    }
    throw new UserError(
      `${folder.path} has no weights: expected model.safetensors or pytorch_model.bin, or the .index.json of either`,
    );
  }

  /** Opens the files of an index. */
  static async #openShards(
    folder: ModelFiles,
    path: string,
    weightMap: unknown,
  ): Promise<Checkpoint> {
    if (!isStrings(weightMap)) {
      throw new UserError(`${path} has no weight_map from tensors to the files that hold them`);
    }
    const shards = new Map<string, TensorFile>();
    try {
      for (const name of new Set(Object.values(weightMap))) {
        if (name === "" || name === ".." || basename(name) !== name) {
          throw new UserError(`${path} names the file "${name}", expected one in its own folder`);
        }
        shards.set(name, openTensorFile(await folder.open(name)));
      }
      const files = new Map<string, TensorFile>();
      for (const [tensor, name] of Object.entries(weightMap)) {
        const file = shards.get(name)!;
        if (!file.tensors.has(tensor)) {
          throw new UserError(
            `${path} says that "${tensor}" is in ${name}, which does not contain it`,
          );
        }
        files.set(tensor, file);
      }
      return new Checkpoint(path, files);
    } catch (error) {
      for (const file of shards.values()) file[Symbol.dispose]();
      throw error;
    }
  }

  /** Tells whether there is a tensor of this name. */
  has(name: string): boolean {
    return this.files.has(name);
  }

  /** Names of all tensors. */
  names(): Iterable<string> {
    return this.files.keys();
  }

  /** Name of the file that holds a tensor. @throws UserError when there is no tensor of this name. */
  fileOf(name: string): string {
    return basename(this.#fileOf(name).path);
  }

  /** Name, dtype and shape of a tensor. @throws UserError when there is none of this name. */
  info(name: string): TensorInfo {
    return this.#fileOf(name).info(name);
  }

  /** Reads a tensor as f32, as {@linkcode TensorFile.readFloats} does. */
  readFloats(name: string, first?: number, count?: number): Float32Array<ArrayBuffer> {
    return this.#fileOf(name).readFloats(name, first, count);
  }

  /** Reads a tensor's bytes, as {@linkcode TensorFile.readBytes} does. */
  readBytes(name: string, first?: number, count?: number): Uint8Array<ArrayBuffer> {
    return this.#fileOf(name).readBytes(name, first, count);
  }

  /** Tells whether two tensors have the same bytes, shape and dtype. */
  same(a: string, b: string): boolean {
    const [one, other] = [this.info(a), this.info(b)];
    if (one.dtype !== other.dtype || one.shape.join() !== other.shape.join()) return false;
    const total = elementCount(one.shape);
    for (let first = 0; first < total; first += PIECE_ELEMENTS) {
      const count = Math.min(PIECE_ELEMENTS, total - first);
      const [x, y] = [a, b].map((name) => this.readBytes(name, first, count));
      if (x.some((byte, i) => byte !== y[i])) return false;
    }
    return true;
  }

  /** Closes all files at the end of a `using` block. */
  [Symbol.dispose](): void {
    for (const file of new Set(this.files.values())) file[Symbol.dispose]();
  }

  #fileOf(name: string): TensorFile {
    const file = this.files.get(name);
    if (!file) throw new UserError(`${this.path} has no tensor "${name}"`);
    return file;
  }
}

/**
 * Writes a model's weights as safetensors: in one file, or with an index in as many as they come from.
 *
 * @param dir a folder that exists
 * @param fileOf file that a tensor comes from; a .bin file becomes a safetensors file of its name
 * @throws UserError when a file cannot be written.
 */
export async function writeCheckpoint(
  dir: string,
  tensors: ReadonlyMap<string, TensorData>,
  fileOf: (tensor: string) => string,
): Promise<void> {
  const shards = Map.groupBy(
    tensors,
    ([name]) => fileOf(name).replace(/^pytorch_model/, "model").replace(/\.bin$/, ".safetensors"),
  );
  if (shards.size === 1) return await writeSafetensors(join(dir, WEIGHT_FILES[0]), tensors);
  for (const [file, shard] of shards) await writeSafetensors(join(dir, file), new Map(shard));
  const index = {
    metadata: { total_size: tensors.values().reduce((sum, data) => sum + tensorBytes(data), 0) },
    weight_map: Object.fromEntries(
      [...shards].flatMap(([file, shard]) => shard.map(([name]) => [name, file])),
    ),
  };
  const path = join(dir, `${WEIGHT_FILES[0]}.index.json`);
  await writeFileAtomic(path, JSON.stringify(index, null, 2) + "\n");
}

function isStrings(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null &&
    Object.values(value).every((item) => typeof item === "string");
}
