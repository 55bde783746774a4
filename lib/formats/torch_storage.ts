import type { FileDType } from "./dtype.ts";

/** Storage types of PyTorch's module `torch`, and their equals in safetensors. */
export const STORAGE_DTYPES: ReadonlyMap<string, FileDType> = new Map([
  ["DoubleStorage", "F64"],
  ["FloatStorage", "F32"],
  ["HalfStorage", "F16"],
  ["BFloat16Storage", "BF16"],
  ["LongStorage", "I64"],
  ["IntStorage", "I32"],
  ["ShortStorage", "I16"],
  ["CharStorage", "I8"],
  ["ByteStorage", "U8"],
  ["BoolStorage", "BOOL"],
]);
