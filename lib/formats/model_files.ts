import { UserError } from "../errors.ts";
import { fileExists, isNotFound, listFolder, readFile } from "../platform/files.ts";
import { ioReason } from "../platform/io_error.ts";
import { join } from "../platform/paths.ts";
import { type JsonObject, parseJsonObject } from "./hf_config.ts";
import { refusePointer } from "./lfs_pointer.ts";
import { DiskFile, MemoryFile, type RandomAccessFile } from "./random_access_file.ts";
import { decodeUtf8 } from "./utf8.ts";

/**
 * Files of a model, an adapter or a tokenizer, as a Hugging Face repository has them, wherever they
 * are kept: {@linkcode FolderFiles} reads a folder, {@linkcode MemoryFiles} what is in memory.
 *
 * Weights are read through `open`, piece by piece and synchronously, so that a model is never held
 * in memory twice; only finding and opening a file may take time.
 */
export abstract class ModelFiles {
  /** Path of the folder, or another name for messages. */
  abstract readonly path: string;

  /** Names of the files, sorted. @throws {UserError} when they cannot be listed */
  abstract names(): Promise<string[]>;

  /** Tells whether there is a file of this name. @throws {UserError} when that cannot be told */
  abstract has(name: string): Promise<boolean>;

  /**
   * Opens a file to read pieces of it.
   *
   * @throws {UserError} when it does not exist or cannot be read
   */
  abstract open(name: string): Promise<RandomAccessFile>;

  /**
   * Reads a whole file, null when there is none of this name.
   *
   * @throws {UserError} when it cannot be read
   */
  abstract bytes(name: string): Promise<Uint8Array<ArrayBuffer> | null>;

  /** Path of a file for messages; there need not be one. */
  pathOf(name: string): string {
    return join(this.path, name);
  }

  /**
   * Reads a text file, null when there is none of this name.
   *
   * @throws {UserError} when it cannot be read, or is not UTF-8
   */
  async text(name: string): Promise<string | null> {
    const bytes = await this.bytes(name);
    return bytes && decodeUtf8(this.pathOf(name), bytes, { keepsMark: true });
  }

  /**
   * Reads a JSON file, such as config.json; null when there is none of this name.
   *
   * @throws {UserError} when it does not hold a JSON object
   */
  async json(name: string): Promise<JsonObject | null> {
    const text = await this.text(name);
    return text === null ? null : parseJsonObject(text, this.pathOf(name));
  }

  /**
   * Reads a JSON file that must exist.
   *
   * @param kind what the files should be, for messages: "model", "PEFT adapter"
   * @throws {UserError} when it does not exist, with the names there are, or does not hold a JSON
   * object
   */
  async requiredJson(name: string, kind: string): Promise<JsonObject> {
    const json = await this.json(name);
    if (json) return json;
    const names = await this.names().catch(() => []);
    const found = names.slice(0, 8).join(", ") + (names.length > 8 ? ", …" : "");
    throw new UserError(
      found
        ? `${this.path} is not a ${kind}'s folder: it has no ${name}, only ${found}`
        : `${this.path} is not a ${kind}'s folder: it does not exist or is empty`,
    );
  }
}

/** Maximum number of bytes of a file that is read whole: the tokenizers in use have up to 33 MiB. */
const MAX_BYTES = 2 ** 28;

/** Files in a folder on the disk. */
export class FolderFiles extends ModelFiles {
  /** Names a folder; nothing is read yet. */
  constructor(readonly path: string) {
    super();
  }

  /** Names of the files, sorted. */
  override async names(): Promise<string[]> {
    try {
      return (await listFolder(this.path)).map(({ name }) => name).sort();
    } catch (error) {
      throw this.#failure(this.path, error);
    }
  }

  /** Tells whether there is a file of this name. */
  override has(name: string): Promise<boolean> {
    return fileExists(this.pathOf(name));
  }

  /** Opens a file to read pieces of it. */
  override async open(name: string): Promise<RandomAccessFile> {
    return await DiskFile.open(this.pathOf(name));
  }

  /** Reads a whole file, null when there is none of this name. */
  override async bytes(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const path = this.pathOf(name);
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = await readFile(path, MAX_BYTES);
    } catch (error) {
      if (isNotFound(error)) return null;
      throw this.#failure(path, error);
    }
    refusePointer(path, bytes);
    return bytes;
  }

  #failure(path: string, error: unknown): UserError {
    return new UserError(`cannot read ${path}: ${ioReason(error)}`, { cause: error });
  }
}

/**
 * Files in memory, as a browser has them.
 *
 * ```ts ignore
 * const files = new MemoryFiles([["config.json", config], ["model.safetensors", weights]]);
 * const model = await loadLanguageModel(device, files);
 * ```
 */
export class MemoryFiles extends ModelFiles {
  readonly #files: ReadonlyMap<string, Uint8Array<ArrayBuffer> | Blob>;

  /**
   * Takes files by name, as bytes or as blobs, which are read when they are needed.
   *
   * @param path name of the whole, for messages
   */
  constructor(
    files: Iterable<readonly [name: string, contents: Uint8Array<ArrayBuffer> | Blob]>,
    override readonly path = "memory",
  ) {
    super();
    this.#files = new Map(files);
  }

  /** Names of the files, sorted. */
  override names(): Promise<string[]> {
    return Promise.resolve([...this.#files.keys()].sort());
  }

  /** Tells whether there is a file of this name. */
  override has(name: string): Promise<boolean> {
    return Promise.resolve(this.#files.has(name));
  }

  /** Opens a file to read pieces of it. */
  override async open(name: string): Promise<RandomAccessFile> {
    const bytes = await this.bytes(name);
    if (bytes) return new MemoryFile(this.pathOf(name), bytes);
    throw new UserError(`cannot read ${this.pathOf(name)}: it does not exist`);
  }

  /** Reads a whole file, null when there is none of this name. */
  override async bytes(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const contents = this.#files.get(name);
    const bytes = contents instanceof Blob ? await contents.bytes() : contents ?? null;
    if (bytes) refusePointer(this.pathOf(name), bytes);
    return bytes;
  }
}

/** Turns an argument into files: a string is the path of a folder. */
export function modelFiles(source: string | ModelFiles): ModelFiles {
  return typeof source === "string" ? new FolderFiles(source) : source;
}
