/** Fields of a struct in Thrift's compact protocol, by their numbers: the bytes of their types. */
type Fields = readonly [number, Value][];
type Value =
  | { i32: number }
  | { text: string }
  | { list: readonly Value[] }
  | { struct: Fields };

/**
 * A Parquet file with a column `text` that has the same text in every row: a dictionary of one entry,
 * and one run of references to it. However many rows there are, the file is as large as the text.
 */
export function repeatedText(text: string, rows: number): Uint8Array<ArrayBuffer> {
  const entry = new TextEncoder().encode(text);
  const dictionary = [...uint32(entry.length), ...entry];
  const dictionaryHeader = struct([
    ...pageSizes(2, dictionary.length),
    [7, { struct: [[1, { i32: 1 }], [2, { i32: 0 }]] }],
  ]);
  const references = [1, ...varint(2 * rows), 0];
  const RLE_DICTIONARY = 8;
  const dataHeader = struct([
    ...pageSizes(0, references.length),
    [5, {
      struct: [[1, { i32: rows }], [2, { i32: RLE_DICTIONARY }], [3, { i32: 3 }], [4, { i32: 3 }]],
    }],
  ]);
  const start = 4;
  const dataStart = start + dictionaryHeader.length + dictionary.length;
  const end = dataStart + dataHeader.length + references.length;
  const BYTE_ARRAY = 6;
  const column: Fields = [
    [1, { i32: BYTE_ARRAY }],
    [2, { list: [{ i32: RLE_DICTIONARY }] }],
    [3, { list: [{ text: "text" }] }],
    [4, { i32: 0 }],
    [5, { i32: rows }],
    [6, { i32: end - start }],
    [7, { i32: end - start }],
    [9, { i32: dataStart }],
    [11, { i32: start }],
  ];
  const footer = struct([
    [1, { i32: 1 }],
    [2, {
      list: [
        { struct: [[4, { text: "schema" }], [5, { i32: 1 }]] },
        {
          struct: [[1, { i32: BYTE_ARRAY }], [3, { i32: 0 }], [4, { text: "text" }], [6, {
            i32: 0,
          }]],
        },
      ],
    }],
    [3, { i32: rows }],
    [4, {
      list: [{
        struct: [
          [1, { list: [{ struct: [[2, { i32: start }], [3, { struct: column }]] }] }],
          [2, { i32: end - start }],
          [3, { i32: rows }],
        ],
      }],
    }],
  ]);
  const magic = new TextEncoder().encode("PAR1");
  return Uint8Array.from(
    [
      magic,
      dictionaryHeader,
      dictionary,
      dataHeader,
      references,
      footer,
      uint32(footer.length),
      magic,
    ]
      .flatMap((part) => [...part]),
  );
}

/** Type and sizes of a page that is not compressed. */
function pageSizes(type: number, bytes: number): [number, Value][] {
  return [[1, { i32: type }], [2, { i32: bytes }], [3, { i32: bytes }]];
}

function struct(fields: Fields): number[] {
  let last = 0;
  const bytes = fields.flatMap(([field, value]) => {
    const head = ((field - last) << 4) | typeOf(value);
    last = field;
    return [head, ...bytesOf(value)];
  });
  return [...bytes, 0];
}

function typeOf(value: Value): number {
  if ("i32" in value) return 5;
  if ("text" in value) return 8;
  return "list" in value ? 9 : 12;
}

function bytesOf(value: Value): number[] {
  if ("i32" in value) return varint(2 * value.i32);
  if ("text" in value) return [value.text.length, ...new TextEncoder().encode(value.text)];
  if ("struct" in value) return struct(value.struct);
  return [(value.list.length << 4) | typeOf(value.list[0]), ...value.list.flatMap(bytesOf)];
}

function varint(value: number): number[] {
  const bytes = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return [...bytes, value];
}

function uint32(value: number): number[] {
  return [...new Uint8Array(Uint32Array.of(value).buffer)];
}
