import { UserError } from "../errors.ts";
import { ELEMENT_BYTES, type FileDType } from "./dtype.ts";
import { type PickleHooks, type PickleValue, unpickle } from "./pickle.ts";
import { DiskFile, type RandomAccessFile } from "./random_access_file.ts";
import { elementCount, TensorFile, type TensorInfo } from "./tensor_file.ts";
import { STORAGE_DTYPES } from "./torch_storage.ts";
import { readZipDirectory, type ZipEntry } from "./zip.ts";

/** Entry of a tensor in a PyTorch file: a strided view of a storage, which others may share. */
export interface TorchTensorInfo extends TensorInfo {
  /** Place of the storage's bytes in the file. */
  storage: ZipEntry;
  /** Elements of the storage before the tensor's first. */
  storageOffset: number;
  /** Elements of the storage between neighbours of each dimension. */
  strides: readonly number[];
}

/**
 * Limit of a pickle's size. One of a hundred thousand tensors has a tenth of it; values are stored
 * elsewhere.
 */
const MAX_PICKLE_BYTES = 16 << 20;

/** PyTorch's own limit. */
const MAX_DIMENSIONS = 64;

/** Storage type that a pickle names. */
class StorageType {
  constructor(readonly dtype: FileDType) {}
}

/** Storage that tensors are views of. */
class Storage {
  constructor(readonly dtype: FileDType, readonly entry: ZipEntry) {}
}

/** Tensor before it has a name. */
class TensorView {
  constructor(readonly info: Omit<TorchTensorInfo, "name">) {}
}

/**
 * Open file of torch.save (PyTorch 1.6 and later: a zip of one pickle and the storages). No code
 * of the pickle runs: only tensors and containers are read. The tensors are those of the dict that
 * was saved, a state_dict.
 *
 * A tensor that is not contiguous is gathered from its part of the storage, which is read whole.
 */
export class TorchFile extends TensorFile<TorchTensorInfo> {
  /**
   * Opens a file and reads its pickle.
   *
   * @param source a path on the disk, or an open file, which is closed with this one
   * @throws UserError when it is not such a file, is broken, or holds anything but tensors and
   * containers: the opcode or global is named.
   */
  static open(source: string | RandomAccessFile): TorchFile {
    const file = typeof source === "string" ? DiskFile.open(source) : source;
    try {
      refuseLegacy(file);
      return new TorchFile(file, readTensors(file));
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  }

  protected override readElements(
    info: TorchTensorInfo,
    first: number,
    count: number,
  ): Uint8Array<ArrayBuffer> {
    const { storage, storageOffset, strides, shape } = info;
    const bytes = ELEMENT_BYTES[info.dtype];
    const read = (from: number, elements: number) =>
      this.file.read(storage.byteOffset + (storageOffset + from) * bytes, elements * bytes);
    if (count === 0 || isContiguous(info)) return read(first, count);

    const rowLength = elementCount(shape.slice(1));
    const firstRow = Math.floor(first / rowLength);
    const lastRow = Math.floor((first + count - 1) / rowLength);
    const spanStart = firstRow * strides[0];
    const spanEnd = lastRow * strides[0] + lastIndex(shape.slice(1), strides.slice(1)) + 1;
    const source = read(spanStart, spanEnd - spanStart);
    const out = new Uint8Array(count * bytes);
    for (let i = 0; i < count; i++) {
      const at = (storageIndex(first + i, shape, strides) - spanStart) * bytes;
      for (let byte = 0; byte < bytes; byte++) out[i * bytes + byte] = source[at + byte];
    }
    return out;
  }
}

function refuseLegacy(file: RandomAccessFile): void {
  const start = file.read(0, Math.min(4, file.size));
  if (start[0] === 0x50 && start[1] === 0x4b) return;
  throw new UserError(
    start[0] === 0x80
      ? `${file.path} is in the format of PyTorch before 1.6; load it in PyTorch and torch.save it again, or convert it to safetensors`
      : `${file.path} is not a PyTorch file: expected the zip archive that torch.save writes`,
  );
}

function readTensors(file: RandomAccessFile): Map<string, TorchTensorInfo> {
  const { path } = file;
  const entries = readZipDirectory(file);
  const pickle = [...entries].find(([name]) => name.endsWith("/data.pkl"));
  if (!pickle) throw new UserError(`${path} is not a PyTorch file: it has no data.pkl`);
  const [pickleName, { byteOffset, byteLength }] = pickle;
  const archive = pickleName.slice(0, -"data.pkl".length);
  if (byteLength > MAX_PICKLE_BYTES) {
    throw new UserError(
      `${path}: its pickle has ${byteLength} bytes, the limit is ${MAX_PICKLE_BYTES}`,
    );
  }
  const order = entries.get(`${archive}byteorder`);
  if (order && new TextDecoder().decode(readEntry(file, order, 6)) !== "little") {
    throw new UserError(`${path} was written on a big-endian machine, which is not supported`);
  }
  const hooks = torchHooks(path, (key) => entries.get(`${archive}data/${key}`));
  const saved = unpickle(path, file.read(byteOffset, byteLength), hooks);
  if (!(saved instanceof Map)) {
    throw new UserError(`${path} does not hold a state_dict: expected a dict of tensors`);
  }
  const tensors = new Map<string, TorchTensorInfo>();
  for (const [name, value] of saved) {
    if (typeof name === "string" && value instanceof TensorView) {
      tensors.set(name, { name, ...value.info });
    }
  }
  if (tensors.size === 0 && saved.size > 0) {
    const keys = [...saved.keys()].filter((key) => ["string", "number"].includes(typeof key));
    const found = keys.slice(0, 5).map((key) => JSON.stringify(key)).join(", ");
    throw new UserError(
      `${path} has no tensors under names at its top level, only ${found || "other things"}: ` +
        "save the state_dict itself",
    );
  }
  return tensors;
}

function readEntry(file: RandomAccessFile, entry: ZipEntry, most: number): Uint8Array<ArrayBuffer> {
  return file.read(entry.byteOffset, Math.min(entry.byteLength, most));
}

/** Makes hooks for the globals and storages of torch.save's pickles. */
function torchHooks(path: string, find: (key: string) => ZipEntry | undefined): PickleHooks {
  return {
    global(module, name) {
      const dtype = module === "torch" && STORAGE_DTYPES.get(name);
      if (dtype) return new StorageType(dtype);
      switch (`${module}.${name}`) {
        case "collections.OrderedDict":
          return (args: PickleValue[]) => {
            if (args.length === 0) return new Map();
            throw new UserError(
              `${path}: an OrderedDict is made of arguments, as by Python 2: load it in PyTorch and ` +
                "torch.save it again",
            );
          };
        case "torch._utils._rebuild_tensor_v2":
          return (args: PickleValue[]) => rebuildTensor(path, args);
        case "torch._utils._rebuild_parameter":
          return ([data]: PickleValue[]) => data;
        default:
          return null;
      }
    },
    persistent(id) {
      const [kind, type, key, , elements] = Array.isArray(id) ? id : [];
      if (
        kind !== "storage" || !(type instanceof StorageType) || typeof key !== "string" ||
        !isSize(elements)
      ) {
        throw new UserError(`${path} is broken: a persistent id is not that of a storage`);
      }
      const entry = find(key);
      if (!entry) throw new UserError(`${path} is broken: storage ${key} is missing`);
      const needed = elements * ELEMENT_BYTES[type.dtype];
      if (needed !== entry.byteLength) {
        throw new UserError(
          `${path} is broken: storage ${key} should take ${needed} bytes, it has ${entry.byteLength}`,
        );
      }
      return new Storage(type.dtype, entry);
    },
  };
}

/**
 * Checks the arguments of torch._utils._rebuild_tensor_v2(storage, storage_offset, size, stride,
 * …).
 */
function rebuildTensor(
  path: string,
  [storage, storageOffset, shape, strides]: PickleValue[],
): TensorView {
  if (
    !(storage instanceof Storage) || !isSize(storageOffset) || !isSizes(shape) ||
    !isSizes(strides) || strides.length !== shape.length || shape.length > MAX_DIMENSIONS
  ) throw new UserError(`${path} is broken: a tensor's description is malformed`);
  const { dtype, entry } = storage;
  const available = entry.byteLength / ELEMENT_BYTES[dtype];
  const count = elementCount(shape);
  const end = count === 0 ? storageOffset : storageOffset + lastIndex(shape, strides) + 1;
  const what = `${path}: a tensor of shape [${shape.join(", ")}] and strides [${
    strides.join(", ")
  }]`;
  if (end > available) {
    throw new UserError(`${what} does not fit its storage of ${available} elements`);
  }
  // With strides of 0, a few bytes could claim any number of elements.
  if (count > available) {
    throw new UserError(
      `${what} repeats the ${available} elements of its storage: save its .contiguous() instead`,
    );
  }
  return new TensorView({
    dtype,
    shape: [...shape],
    storage: entry,
    storageOffset,
    strides: [...strides],
  });
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isSize);
}

/** Index of a tensor's last element in the storage, from its first. */
function lastIndex(shape: readonly number[], strides: readonly number[]): number {
  return shape.reduce((sum, size, i) => sum + (size - 1) * strides[i], 0);
}

/** Index of a tensor's element `index`, row-major, in the storage, from its first. */
function storageIndex(
  index: number,
  shape: readonly number[],
  strides: readonly number[],
): number {
  let at = 0;
  for (let i = shape.length - 1; i >= 0; i--) {
    at += (index % shape[i]) * strides[i];
    index = Math.floor(index / shape[i]);
  }
  return at;
}

function isContiguous({ shape, strides }: TorchTensorInfo): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== expected) return false;
    expected *= shape[i];
  }
  return true;
}
