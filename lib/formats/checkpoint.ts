import { basename, join } from "node:path";
import { UserError } from "../errors.ts";
import { fileExists, readJsonIfThere } from "./hf_config.ts";
import { SafetensorsFile } from "./safetensors.ts";
import type { TensorFile, TensorInfo } from "./tensor_file.ts";
import { TorchFile } from "./torch_bin.ts";

/** The files that hold a model's weights, the preferred first, as transformers has it. */
const WEIGHT_FILES = ["model.safetensors", "pytorch_model.bin"] as const;

/** Opens a .safetensors file, or else a .bin file of PyTorch. @throws UserError as their `open` does. */
export function openTensorFile(path: string): TensorFile {
  return path.endsWith(".safetensors") ? SafetensorsFile.open(path) : TorchFile.open(path);
}

/**
 * The weights of a Hugging Face model folder, in one file or in several with an index: safetensors where
 * there are any, else PyTorch's .bin.
 *
 * ```ts
 * using checkpoint = await Checkpoint.open("demo/tiny-flan-t5");
 * const firstRow = checkpoint.readFloats("shared.weight", 0, 128);
 * ```
 */
export class Checkpoint implements Disposable {
  private constructor(
    /** The file, or the index, for messages. */
    readonly path: string,
    /** The file that holds each tensor, by the tensor's name. */
    readonly files: ReadonlyMap<string, TensorFile>,
  ) {}

  /**
   * Opens a folder's weights: all files, of which only the directories are read.
   *
   * @throws UserError when there are none, or a file is missing or broken.
   */
  static async open(folder: string): Promise<Checkpoint> {
    for (const name of WEIGHT_FILES) {
      const path = join(folder, name);
      if (await fileExists(path)) {
        const file = openTensorFile(path);
        return new Checkpoint(path, new Map(file.tensors.keys().map((tensor) => [tensor, file])));
      }
      const index = await readJsonIfThere(folder, `${name}.index.json`);
      if (index) return Checkpoint.#openShards(folder, `${path}.index.json`, index.weight_map);
    }
    throw new UserError(
      `${folder} has no weights: expected model.safetensors or pytorch_model.bin, or the .index.json of either.`,
    );
  }

  /** Opens the files of an index. */
  static #openShards(folder: string, path: string, weightMap: unknown): Checkpoint {
    if (!isStrings(weightMap)) {
      throw new UserError(`${path} has no weight_map from tensors to the files that hold them.`);
    }
    const shards = new Map<string, TensorFile>();
    try {
      for (const name of new Set(Object.values(weightMap))) {
        if (name === "" || name === ".." || basename(name) !== name) {
          throw new UserError(`${path} names the file "${name}", expected one in its own folder.`);
        }
        shards.set(name, openTensorFile(join(folder, name)));
      }
      const files = new Map<string, TensorFile>();
      for (const [tensor, name] of Object.entries(weightMap)) {
        const file = shards.get(name)!;
        if (!file.tensors.has(tensor)) {
          throw new UserError(`${path} has "${tensor}" in ${name}, which does not hold it.`);
        }
        files.set(tensor, file);
      }
      return new Checkpoint(path, files);
    } catch (error) {
      for (const file of shards.values()) file[Symbol.dispose]();
      throw error;
    }
  }

  /** Name, dtype and shape of a tensor. @throws UserError when there is none of this name. */
  info(name: string): TensorInfo {
    return this.#fileOf(name).info(name);
  }

  /** As {@linkcode TensorFile.readFloats}. */
  readFloats(name: string, first?: number, count?: number): Float32Array<ArrayBuffer> {
    return this.#fileOf(name).readFloats(name, first, count);
  }

  /** As {@linkcode TensorFile.readBytes}. */
  readBytes(name: string, first?: number, count?: number): Uint8Array<ArrayBuffer> {
    return this.#fileOf(name).readBytes(name, first, count);
  }

  /** Closes all files at the end of a `using` block. */
  [Symbol.dispose](): void {
    for (const file of new Set(this.files.values())) file[Symbol.dispose]();
  }

  #fileOf(name: string): TensorFile {
    const file = this.files.get(name);
    if (!file) throw new UserError(`${this.path} has no tensor "${name}".`);
    return file;
  }
}

function isStrings(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null &&
    Object.values(value).every((item) => typeof item === "string");
}
