import { UserError } from "../errors.ts";
import { writeFileAtomic } from "../platform/atomic_write.ts";
import { basename } from "../platform/paths.ts";
import type { FileDType } from "./dtype.ts";
import { elementCount, tensorBytes, tensorChunks, type TensorData } from "./tensor_file.ts";
import { STORAGE_DTYPES } from "./torch_storage.ts";
import { zipChunks, type ZipContent } from "./zip_writer.ts";

/**
 * Writes a dict of tensors as torch.save of PyTorch 1.13 does, byte for byte, so that every PyTorch
 * since 1.6 loads it. Each tensor is contiguous and has a storage of its own.
 *
 * @throws UserError when it cannot be written, or PyTorch has no such dtype.
 */
export async function writeTorchFile(
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
): Promise<void> {
  const archive = basename(path).replace(/\.[^.]*$/, "");
  const pickle = pickleStateDict(path, tensors);
  const entries: ZipContent[] = [
    { name: `${archive}/data.pkl`, byteLength: pickle.length, chunks: () => [pickle] },
    // PyTorch sorts storages by their number as text: 0, 1, 10, 11, 2.
    ...[...tensors.values()].map((tensor, index) => ({
      name: `${archive}/data/${index}`,
      byteLength: tensorBytes(tensor),
      chunks: () => tensorChunks(tensor),
    })).sort((a, b) => a.name < b.name ? -1 : 1),
    { name: `${archive}/version`, byteLength: 2, chunks: () => [new TextEncoder().encode("3\n")] },
  ];
  await writeFileAtomic(path, zipChunks(path, entries));
}

/**
 * Makes the pickle, protocol 2, of a dict of tensors whose storages are numbered in the dict's
 * order.
 */
function pickleStateDict(path: string, tensors: ReadonlyMap<string, TensorData>): Uint8Array {
  const pickler = new Pickler();
  pickler.opcodes(0x80, 2, EMPTY_DICT);
  pickler.memoize();
  // CPython sets an item alone, and several in batches, of which the last may be empty.
  const batched = tensors.size > 1;
  if (batched) pickler.opcodes(MARK);
  let index = 0;
  for (const [name, { dtype, shape }] of tensors) {
    if (index > 0 && index % BATCH_ITEMS === 0) pickler.opcodes(SETITEMS, MARK);
    pickler.text(name);
    pickler.global("torch._utils", "_rebuild_tensor_v2");
    pickler.opcodes(MARK);
    // The persistent id of the storage.
    pickler.opcodes(MARK);
    pickler.shared("storage");
    pickler.global("torch", storageType(path, name, dtype));
    pickler.text(String(index++));
    pickler.shared("cpu");
    pickler.int(elementCount(shape));
    pickler.opcodes(TUPLE);
    pickler.memoize();
    pickler.opcodes(BINPERSID);
    // storage_offset, size, stride, requires_grad, backward_hooks
    pickler.int(0);
    pickler.tuple(shape);
    pickler.tuple(shape.map((_, i) => elementCount(shape.slice(i + 1))));
    pickler.opcodes(NEWFALSE);
    pickler.global("collections", "OrderedDict");
    pickler.opcodes(EMPTY_TUPLE, REDUCE);
    pickler.memoize();
    pickler.opcodes(TUPLE);
    pickler.memoize();
    pickler.opcodes(REDUCE);
    pickler.memoize();
  }
  if (index > 0) pickler.opcodes(batched ? SETITEMS : SETITEM);
  if (batched && index % BATCH_ITEMS === 0) pickler.opcodes(MARK, SETITEMS);
  pickler.opcodes(STOP);
  return pickler.bytes();
}

function storageType(path: string, tensor: string, dtype: FileDType): string {
  for (const [type, known] of STORAGE_DTYPES) if (known === dtype) return type;
  throw new UserError(`cannot write ${path}: PyTorch has no type for "${tensor}" of ${dtype}`);
}

const [MARK, STOP, TUPLE, EMPTY_TUPLE, EMPTY_DICT] = [0x28, 0x2e, 0x74, 0x29, 0x7d];
const [REDUCE, BINPERSID, NEWFALSE, SETITEM, SETITEMS] = [0x52, 0x51, 0x89, 0x73, 0x75];
const [BININT, BININT1, BININT2, LONG1] = [0x4a, 0x4b, 0x4d, 0x8a];
const [BINUNICODE, GLOBAL, TUPLE1] = [0x58, 0x63, 0x85];
const [BINPUT, LONG_BINPUT, BINGET, LONG_BINGET] = [0x71, 0x72, 0x68, 0x6a];

/** Number of items that one SETITEMS sets (BATCHSIZE of Modules/_pickle.c). */
const BATCH_ITEMS = 1000;

/** Writes the opcodes of pickle protocol 2 as CPython's pickler chooses them. */
class Pickler {
  readonly #out: number[] = [];
  /** Places in the memo of texts and globals that are one object in Python. */
  readonly #memo = new Map<string, number>();
  #memoSize = 0;

  opcodes(...codes: number[]): void {
    this.#out.push(...codes);
  }

  memoize(): void {
    this.#indexed(BINPUT, LONG_BINPUT, this.#memoSize++);
  }

  /** Writes a text that is an object of its own. */
  text(value: string): void {
    const utf8 = new TextEncoder().encode(value);
    this.opcodes(BINUNICODE, ...uint(utf8.length, 4), ...utf8);
    this.memoize();
  }

  /** Writes a text that is the same object at every use. */
  shared(value: string): void {
    this.#once(value, () => this.text(value));
  }

  global(module: string, name: string): void {
    const line = `${module}\n${name}\n`;
    this.#once(line, () => {
      this.opcodes(GLOBAL, ...new TextEncoder().encode(line));
      this.memoize();
    });
  }

  int(value: number): void {
    if (value < 2 ** 8) this.opcodes(BININT1, value);
    else if (value < 2 ** 16) this.opcodes(BININT2, ...uint(value, 2));
    else if (value < 2 ** 31) this.opcodes(BININT, ...uint(value, 4));
    // Five bytes hold any count of elements that fits a file.
    else this.opcodes(LONG1, 5, ...uint(value, 5));
  }

  tuple(values: readonly number[]): void {
    if (values.length === 0) return this.opcodes(EMPTY_TUPLE);
    if (values.length > 3) this.opcodes(MARK);
    for (const value of values) this.int(value);
    this.opcodes(values.length > 3 ? TUPLE : TUPLE1 + values.length - 1);
    this.memoize();
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#out);
  }

  #once(key: string, write: () => void): void {
    const known = this.#memo.get(key);
    if (known !== undefined) return this.#indexed(BINGET, LONG_BINGET, known);
    write();
    this.#memo.set(key, this.#memoSize - 1);
  }

  #indexed(short: number, long: number, index: number): void {
    if (index < 256) this.opcodes(short, index);
    else this.opcodes(long, ...uint(index, 4));
  }
}

/** Little-endian bytes of a non-negative integer. */
function uint(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256);
}
