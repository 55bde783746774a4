/** Field of a protobuf message: a number, or a text or message with its length before it. */
function field(number: number, value: number | string | Uint8Array): Uint8Array {
  if (typeof value === "number") return Uint8Array.of(...varint(number << 3), ...varint(value));
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return Uint8Array.of(...varint(number << 3 | 2), ...varint(bytes.length), ...bytes);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [value & 127 | 128, ...varint(value >> 7)];
}

function message(...fields: Uint8Array[]): Uint8Array {
  return Uint8Array.from(fields.flatMap((bytes) => [...bytes]));
}

const FLOAT = 1;
const INT32 = 6;
const [INT, INTS] = [2, 7];

function node(type: string, input: string, output: string, attribute: Uint8Array[]): Uint8Array {
  const fields = [field(1, input), field(2, output), field(4, type)];
  return message(...fields, ...attribute.map((bytes) => field(5, bytes)));
}

function value(name: string, type: number, dimensions: string[]): Uint8Array {
  const shape = message(...dimensions.map((name) => field(1, field(2, name))));
  const tensor = message(field(1, type), field(2, shape));
  return message(field(1, name), field(2, field(1, tensor)));
}

/**
 * ONNX file of a classifier with one label, whose inputs are int32: the logit of a text is the mean
 * of its tokens, padding included.
 */
export function meanOfTokens(): Uint8Array {
  const to = message(field(1, "to"), field(3, FLOAT), field(20, INT));
  const axes = message(field(1, "axes"), field(8, 1), field(20, INTS));
  const graph = message(
    field(1, node("Cast", "input_ids", "x", [to])),
    field(1, node("ReduceMean", "x", "logits", [axes])),
    field(2, "mean"),
    field(11, value("input_ids", INT32, ["batch", "tokens"])),
    field(12, value("logits", FLOAT, ["batch", "labels"])),
  );
  const opset = message(field(1, ""), field(2, 13));
  return message(field(1, 8), field(7, graph), field(8, opset));
}
