/**
 * Makes tiles.wasm.ts, the register tiles of attention's products; `deno task build:kernels` writes it.
 * They are generated because the unrolled source is what makes them fast: see matmul/tiles_generate.ts.
 * Unlike the tiles there, these start at 0 when told, take fewer rows than they have, and read the
 * left-hand matrix along its rows or down its columns. Those for few rows read B where it is.
 */

interface Tile {
  rows: number;
  columns: number;
}

/**
 * 4 x 8 fills V8's 15 vector registers: 8 sums, a vector of each row, two of B, and a value spread.
 * The others are for its revectorizer (turbo mode), which makes 256-bit vectors of pairs.
 */
const NARROW: Tile = { rows: 4, columns: 8 };
const WIDE: readonly Tile[] = [{ rows: 4, columns: 16 }, { rows: 6, columns: 16 }];
/** Rows of A whose dot products with rows of B are computed together. */
const FEW = [2, 3, 4];
const UNROLL = 4;
/** Bytes from row to row of B, which is a panel. */
const PANEL_BYTES = 64;

const count = (n: number) => [...Array(n).keys()];
/** Name of the pointer to row `i`. */
const pointer = (name: string, i: number) => i === 0 ? name : `${name}${i}`;
const at = (offset: number) => offset === 0 ? "" : `, ${offset}`;

function tile({ rows, columns }: Tile, along: "rows" | "columns" | "strided"): string {
  const vectors = columns / 4;
  const strided = along === "strided";
  const lines: string[] = [];
  const put = (line: string) => lines.push("  " + line);
  // Rows beyond those there are repeat the last.
  const rowPointers = (name: string) =>
    count(rows).slice(1).forEach((i) => {
      const stride = `(rows > ${i} ? ld${name} : 0)`;
      put(`let ${name}${i} = ${pointer(name, i - 1)} + ${stride};`);
    });
  const load = (i: number, j: number) => `v128.load(${pointer("c", i)}${at(16 * j)})`;
  const sums = (write: (i: number, j: number) => string) =>
    count(rows).forEach((i) => put(count(vectors).map((j) => write(i, j)).join(" ")));

  const shuffled = columns === NARROW.columns;
  const loadB = (u: number) => {
    const [b, offset] = strided ? [pointer("y", u), 0] : ["b", u * PANEL_BYTES];
    put(count(vectors).map((j) => `b${j} = v128.load(${b}${at(offset + 16 * j)});`).join(" "));
  };
  const multiplyRow = (i: number, value: string) => {
    put(`t = ${value};`);
    put(
      count(vectors).map((j) => `s${i}${j} = f32x4.relaxed_madd(t, b${j}, s${i}${j});`).join(" "),
    );
  };
  const spread = (x: string, lane: number) =>
    `v128.shuffle<i32>(${x}, ${x}, ${Array(4).fill(lane).join(", ")})`;
  const alongRows = (unroll: number) => {
    const vector = shuffled && unroll === 4;
    if (vector) {
      count(rows).forEach((i) => put(`x${i} = v128.load(${pointer("a", i)});`));
    }
    for (const u of count(unroll)) {
      loadB(u);
      for (const i of count(rows)) {
        const value = `v128.load32_splat(${pointer("a", i)}${at(4 * u)})`;
        multiplyRow(i, vector ? spread(`x${i}`, u) : value);
      }
    }
    count(rows).forEach((i) => put(`${pointer("a", i)} += ${4 * unroll};`));
  };
  const downColumns = (unroll: number) => {
    count(unroll).slice(1).forEach((u) =>
      put(`const k${u} = ${u === 1 ? "a" : `k${u - 1}`} + lda;`)
    );
    for (const u of count(unroll)) {
      const a = u === 0 ? "a" : `k${u}`;
      loadB(u);
      if (shuffled) put(`x0 = v128.load(${a});`);
      for (const i of count(rows)) {
        multiplyRow(i, shuffled ? spread("x0", i) : `v128.load32_splat(${a}${at(4 * i)})`);
      }
    }
    put(`a = ${unroll === 1 ? "a" : `k${unroll - 1}`} + lda;`);
  };
  const loop = (unroll: number) => {
    put(`for (; k >= ${unroll}; k -= ${unroll}) {`);
    if (strided) {
      count(unroll).forEach((u) =>
        put(`const ${pointer("y", u)} = ${u === 0 ? "b" : `${pointer("y", u - 1)} + ldb`};`)
      );
    }
    if (along === "columns") downColumns(unroll);
    else alongRows(unroll);
    put(strided ? `b = ${pointer("y", unroll - 1)} + ldb;` : `b += ${unroll * PANEL_BYTES};`);
    put("}");
  };

  if (along !== "columns") rowPointers("a");
  rowPointers("c");
  sums((i, j) => `let s${i}${j} = f32x4.splat(0);`);
  put("if (accumulate) {");
  sums((i, j) => `s${i}${j} = ${load(i, j)};`);
  put("}");
  if (shuffled) {
    const names = along === "columns" ? [0] : count(rows);
    put(names.map((i) => `let x${i}: v128;`).join(" "));
  }
  put(count(vectors).map((j) => `let b${j}: v128;`).join(" ") + " let t: v128;");
  loop(UNROLL);
  loop(1);
  // The last row first: what is computed for a row beyond `rows` is overwritten.
  for (const i of count(rows).reverse()) {
    const stores = count(vectors).map((j) =>
      `v128.store(${pointer("c", i)}, s${i}${j}${at(16 * j)});`
    );
    put(stores.join(" "));
  }

  const a = along === "columns" ? "A[k, rows]ᵀ" : "A[rows, k]";
  const b = strided ? "" : ", B in rows of 16";
  return [
    `/** C[rows, ${columns}] (+)= ${a} B[k, ${columns}], at most ${rows} rows${b}. */`,
    `export function ${along}_${rows}x${columns}(`,
    `  a: usize, lda: usize, rows: i32, b: usize, ${strided ? "ldb: usize, " : ""}k: i32,`,
    "  c: usize, ldc: usize, accumulate: i32,",
    "): void {",
    ...lines,
    "}",
  ].join("\n");
}

/** C[rows, 8] = A[rows, k] B[8, k]ᵀ: blocks of B are transposed in registers, and serve all rows. */
function dots(rows: number): string {
  const lines: string[] = [];
  const put = (line: string) => lines.push("  " + line);
  const each = (write: (i: number) => string) => put(count(rows).map(write).join(" "));
  const b = (i: number) => pointer("y", i);
  const rowPointers = () =>
    count(8).forEach((i) => put(`const ${b(i)} = ${i === 0 ? "b" : `${b(i - 1)} + ldb`};`));
  const multiply = (half: number, offset: number, value: string) => {
    for (const i of count(rows)) {
      const x = `v128.load32_splat(${pointer("a", i)}${at(offset)})`;
      put(`s${i}${half} = f32x4.relaxed_madd(${x}, ${value}, s${i}${half});`);
    }
  };
  each((i) => i === 0 ? "" : `let ${pointer("a", i)} = ${pointer("a", i - 1)} + lda;`);
  each((i) => `let s${i}0 = f32x4.splat(0); let s${i}1 = f32x4.splat(0);`);
  put("let b0: v128; let b1: v128; let b2: v128; let b3: v128;");
  put("let t0: v128; let t1: v128; let t2: v128; let t3: v128;");
  put("for (; k >= 4; k -= 4) {");
  rowPointers();
  for (const half of count(2)) {
    put(count(4).map((i) => `b${i} = v128.load(${b(4 * half + i)});`).join(" "));
    put("t0 = v128.shuffle<i32>(b0, b1, 0, 4, 1, 5); t1 = v128.shuffle<i32>(b0, b1, 2, 6, 3, 7);");
    put("t2 = v128.shuffle<i32>(b2, b3, 0, 4, 1, 5); t3 = v128.shuffle<i32>(b2, b3, 2, 6, 3, 7);");
    put("b0 = v128.shuffle<i64>(t0, t2, 0, 2); b1 = v128.shuffle<i64>(t0, t2, 1, 3);");
    put("b2 = v128.shuffle<i64>(t1, t3, 0, 2); b3 = v128.shuffle<i64>(t1, t3, 1, 3);");
    for (const j of count(4)) multiply(half, 4 * j, `b${j}`);
  }
  each((i) => `${pointer("a", i)} += 16;`);
  put("b += 16;");
  put("}");
  put("for (; k > 0; k--) {");
  rowPointers();
  for (const half of count(2)) {
    put(`b0 = gather4(${count(4).map((i) => b(4 * half + i)).join(", ")});`);
    multiply(half, 0, "b0");
  }
  each((i) => `${pointer("a", i)} += 4;`);
  put("b += 4;");
  put("}");
  each((i) => {
    const c = i === 0 ? "c" : `c + ${i} * ldc`;
    return `v128.store(${c}, s${i}0); v128.store(${c}, s${i}1, 16);`;
  });
  return [
    `/** C[${rows}, 8] = A[${rows}, k] B[8, k]ᵀ, all in rows anywhere. */`,
    `export function dots_${rows}x8(`,
    "  a: usize, lda: usize, b: usize, ldb: usize, k: i32, c: usize, ldc: usize,",
    "): void {",
    ...lines,
    "}",
  ].join("\n");
}

/** The text of tiles.wasm.ts. */
export function attentionTilesSource(): string {
  const tiles = [
    ...[NARROW, ...WIDE].flatMap((shape) => [tile(shape, "rows"), tile(shape, "columns")]),
    tile(NARROW, "strided"),
    ...FEW.map(dots),
  ];
  return "// Generated by tiles_generate.ts: see there for why. Strides are in bytes.\n" +
    'import { gather4 } from "../simd.wasm";\n\n' +
    tiles.join("\n\n") + "\n";
}
