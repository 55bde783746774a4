/** Pickles and PyTorch files made by hand, to test what torch.save never writes. */
import { zipChunks } from "../../lib/formats/zip_writer.ts";

/** A pickle of protocol 2: texts are taken as their bytes, between them come opcodes and arguments. */
export function pickle(...parts: (string | number)[]): Uint8Array<ArrayBuffer> {
  const bytes = parts.flatMap((part) =>
    typeof part === "number" ? [part] : [...new TextEncoder().encode(part)]
  );
  return Uint8Array.from([0x80, 2, ...bytes, 0x2e]);
}

/** A short text as BINUNICODE. */
export function text(value: string): (string | number)[] {
  return ["X", value.length, 0, 0, 0, value];
}

/** A tensor of the storage with this key; all numbers below 256. */
export function tensor(
  key: string,
  elements: number,
  { offset = 0, shape, strides, type = "FloatStorage" }: {
    offset?: number;
    shape: number[];
    strides: number[];
    type?: string;
  },
): (string | number)[] {
  const tuple = (values: number[]) => ["(", ...values.flatMap((value) => ["K", value]), "t"];
  const storage = ["(", ...text("storage"), `ctorch\n${type}\n`, ...text(key), ...text("cpu")];
  return [
    "ctorch._utils\n_rebuild_tensor_v2\n",
    ...["(", ...storage, "K", elements, "tQ", "K", offset, ...tuple(shape), ...tuple(strides)],
    ...[0x89, "ccollections\nOrderedDict\n)R", "tR"],
  ];
}

/** Writes a zip as torch.save does, of any pickle and other files, as the storage "data/0". */
export function writeTorchZip(
  path: string,
  pickle: Uint8Array,
  files: Record<string, ArrayBufferView<ArrayBuffer>> = {},
): void {
  const entries = Object.entries({ "data.pkl": pickle, ...files }).map(([name, bytes]) => ({
    name: `archive/${name}`,
    byteLength: bytes.byteLength,
    chunks: () => [new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)],
  }));
  Deno.writeFileSync(path, Buffer.concat([...zipChunks(path, entries)]));
}
