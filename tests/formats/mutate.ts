import type { Random } from "../../lib/random.ts";

/** Bytes that formats give a meaning to: ends of ranges, quotes and brackets, digits, pickle opcodes. */
const TELLING = [0, 1, 127, 128, 255, ...new TextEncoder().encode('"{}[]:,-.0129e\\(tRQqhX')];

/** A file with one to a few faults: bytes changed, removed, repeated, inserted, cut, numbers made large. */
export function mutate(
  original: Uint8Array,
  random: Pick<Random, "uniform">,
): Uint8Array<ArrayBuffer> {
  const below = (n: number) => Math.floor(random.uniform() * n);
  let bytes = [...original];
  for (let edits = below(4); edits >= 0; edits--) {
    const at = below(bytes.length);
    const length = below(Math.min(16, bytes.length - at) + 1);
    switch (below(8)) {
      case 0:
        bytes[at] = below(256);
        break;
      case 1:
        bytes[at] = TELLING[below(TELLING.length)];
        break;
      case 2:
        bytes[at] ^= 1 << below(8);
        break;
      case 3:
        bytes.splice(at, length);
        break;
      case 4:
        bytes.splice(at, 0, ...bytes.slice(at, at + length));
        break;
      case 5:
        bytes.splice(at, 0, TELLING[below(TELLING.length)]);
        break;
      case 6:
        bytes.fill(below(2) * 255, at, at + below(9));
        break;
      case 7:
        if (below(4) === 0) bytes = bytes.slice(0, at);
        break;
    }
    if (bytes.length === 0) break;
  }
  return Uint8Array.from(bytes);
}

/** Values that are of another type or size than what stands in a file. */
const TELLING_VALUES = [
  ...[
    null,
    true,
    0,
    -1,
    0.5,
    7,
    2 ** 31,
    2 ** 53,
    1e300,
    "",
    "x",
    " ",
    "</s>",
    "__proto__",
    [],
    {},
  ],
  ...[[null], [[]], { type: "Sequence" }, { id: 1e9 }],
];

/** A JSON file that still is JSON, with one to a few values replaced, removed or repeated. */
export function mutateJson(
  original: Uint8Array,
  random: Pick<Random, "uniform">,
): Uint8Array<ArrayBuffer> {
  const below = (n: number) => Math.floor(random.uniform() * n);
  const root = { value: JSON.parse(new TextDecoder().decode(original)) };
  for (let edits = below(3); edits >= 0; edits--) {
    let parent: Record<string, unknown> = root;
    let key = "value";
    // Downwards at random; a leaf ends it.
    while (random.uniform() < 0.8) {
      const keys = Object.keys(Object(parent[key]));
      if (typeof parent[key] !== "object" || keys.length === 0) break;
      parent = parent[key] as Record<string, unknown>;
      key = keys[below(keys.length)];
    }
    const kind = below(8);
    if (kind === 0 && parent !== root) delete parent[key];
    else if (kind === 1 && Array.isArray(parent)) parent.push(parent[Number(key)]);
    else parent[key] = structuredClone(TELLING_VALUES[below(TELLING_VALUES.length)]);
  }
  return new TextEncoder().encode(JSON.stringify(root.value));
}
