import assert from "node:assert/strict";
import type { GpuDevice, Span, StandIns, TaskDevice } from "../../lib/device/device.ts";
import { ADD } from "../../kernels/elementwise/signatures.ts";
import { wgsl } from "../../kernels/wgsl.ts";
import { putInOrder, signature } from "../../lib/device/signature.ts";
import {
  type ElementTypes,
  shaderSource,
  wgslDeclarations,
} from "../../lib/device/webgpu/shader_source.ts";
import { deviceTest } from "../device.ts";

const EXAMPLE = signature({
  name: "example",
  outputs: { y: "f32", rowState: "f32?" },
  inputs: { x: "f32", targets: "i32?" },
  ints: ["rows", "columnStart"],
  gpuInts: ["firstRow"],
  taskInts: ["perTask"],
  floats: ["eps"],
  constants: { BLOCK: 256 },
});

Deno.test("signature: outputs, inputs and scalars in the order in which they are written", () => {
  const { types: _, ...fields } = EXAMPLE;
  assert.deepEqual(fields, {
    name: "example",
    only: null,
    spans: [
      { name: "y", element: "f32" },
      { name: "rowState", element: "f32" },
      { name: "x", element: "f32" },
      { name: "targets", element: "i32" },
    ],
    bindings: [
      { name: "y", element: "f32", isWritten: true, spans: [0] },
      { name: "rowState", element: "f32", isWritten: true, spans: [1] },
      { name: "x", element: "f32", isWritten: false, spans: [2] },
      { name: "targets", element: "i32", isWritten: false, spans: [3] },
    ],
    gpuInts: ["rows", "columnStart", "firstRow"],
    taskInts: ["rows", "columnStart", "perTask"],
    floats: ["eps"],
    gpuOrder: ["y", "rowState", "x", "targets", "rows", "columnStart", "firstRow", "eps"],
    taskOrder: ["y", "rowState", "x", "targets", "rows", "columnStart", "perTask", "eps"],
    constants: { BLOCK: 256 },
  });
});

Deno.test("putInOrder: whatever the order of the names, and beside others", () => {
  const launches = [{ a: 1, b: null, c: 3 }, { c: 3, a: 1, b: null }, {
    x: 0,
    a: 1,
    b: null,
    c: 3,
  }];
  for (const args of launches) {
    const values: unknown[] = [9, 9, 9];
    putInOrder(["a", "b", "c"], args, values);
    assert.deepEqual(values, [1, null, 3]);
  }
  assert.throws(() => putInOrder(["a", "b"], { b: 1 }, []), /without its a/);
});

Deno.test("signature: a name that is given twice is refused", () => {
  assert.throws(
    () => signature({ name: "f", outputs: { x: "f32" }, inputs: { x: "f32" } }),
    /the kernel f has two arguments called x/,
  );
  assert.throws(
    () => signature({ name: "f", outputs: { y: "f32" }, ints: ["n"], gpuInts: ["n"] }),
    /the kernel f has two arguments called n/,
  );
  assert.throws(
    () => signature({ name: "f", outputs: { y: "f32" }, floats: ["y"] }),
    /the kernel f has two arguments called y/,
  );
});

Deno.test("signature: a missing, unknown or null argument is an error of the compiler", () => {
  const span = {} as Span;
  const args = { y: span, rowState: null, x: span, targets: null, rows: 1, columnStart: 0, eps: 0 };
  let launches = 0;
  const launch = () => void launches++;
  const tasks = { run: launch } as unknown as TaskDevice;
  tasks.run(EXAMPLE, 1, { ...args, perTask: 1 });
  // @ts-expect-error perTask is missing
  tasks.run(EXAMPLE, 1, args);
  // @ts-expect-error firstRow is for a GPU
  tasks.run(EXAMPLE, 1, { ...args, perTask: 1, firstRow: 0 });
  // @ts-expect-error x may not be null
  tasks.run(EXAMPLE, 1, { ...args, perTask: 1, x: null });
  const gpu = { dispatch: launch } as unknown as GpuDevice;
  const shader = wgsl(EXAMPLE, "tests/example.wgsl", "")();
  gpu.dispatch(shader, 1, { ...args, firstRow: 0, rows: true });
  // @ts-expect-error firstRow is missing
  gpu.dispatch(shader, 1, args);
  // @ts-expect-error y may not be null
  gpu.dispatch(shader, 1, { ...args, firstRow: 0, y: null });
  assert.equal(launches, 7);
});

/** A kernel that binds its lists as one. */
const LISTS = signature({
  name: "sum_lists",
  outputs: { sum: "f32" },
  inputs: { first: "u32", x: "f32", second: "u32?" },
  bindings: { lists: ["first", "second"] },
});

Deno.test("signature: a binding of several spans comes where the first of them is", () => {
  assert.deepEqual(LISTS.bindings.map(({ name, spans }) => [name, spans]), [
    ["sum", [0]],
    ["lists", [1, 3]],
    ["x", [2]],
  ]);
  const inputs = { x: "f32", n: "u32" } as const;
  const make = (spans: string[]) =>
    signature({ name: "f", outputs: { y: "f32" }, inputs, bindings: { both: spans } });
  assert.throws(() => make(["x", "n"]), /the kernel f cannot bind n as both/);
  assert.throws(() => make(["y", "x"]), /the kernel f cannot bind x as both/);
  assert.throws(() => make(["x", "z"]), /the kernel f has no memory called z/);
});

Deno.test("wgslDeclarations: spans of one binding have offsets of their own", () => {
  assert.equal(
    wgslDeclarations(LISTS),
    `struct Params {
  sum: u32,
  first: u32,
  x: u32,
  second: u32,
}
@group(0) @binding(0) var<storage, read_write> sum: array<f32>;
@group(0) @binding(1) var<storage, read> lists: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
`,
  );
});

Deno.test("wgslDeclarations: constants, parameters and bindings in the order of the launch", () => {
  assert.equal(
    wgslDeclarations(EXAMPLE),
    `const BLOCK = 256u;
struct Params {
  y: u32,
  row_state: u32,
  x: u32,
  targets: u32,
  rows: u32,
  column_start: u32,
  first_row: u32,
  eps: f32,
}
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read_write> row_state: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> targets: array<i32>;
@group(1) @binding(0) var<uniform> p: Params;
`,
  );
});

Deno.test("wgslDeclarations: bindings that others stand for, and elements of other types", () => {
  const storage = (standIns: StandIns, elements: ElementTypes) =>
    wgslDeclarations(EXAMPLE, standIns, elements).split("\n").filter((l) => l.includes("storage"));
  assert.deepEqual(storage([0, 1, 0, 3], {}), [
    "@group(0) @binding(0) var<storage, read_write> y: array<f32>;",
    "@group(0) @binding(1) var<storage, read_write> row_state: array<f32>;",
    "@group(0) @binding(3) var<storage, read> targets: array<i32>;",
  ]);
  assert.equal(storage([], { x: "vec4f" })[2].split(": ")[1], "array<vec4f>;");
  assert.throws(
    () => storage([0, 1, 2, 1], {}),
    /example cannot take targets from the block of rowState: another type/,
  );
});

Deno.test("shaderSource: counts the lines before the kernel's own text", () => {
  const source = shaderSource(EXAMPLE, "room/example.wgsl", "own\n", { shared: "shared\n" });
  const lines = source.text([]).split("\n");
  assert.equal(lines[0], "shared");
  assert.equal(lines[source.linesBefore], "own");
});

Deno.test("shaderSource: an output's name takes the place of what it stands for", () => {
  const code = "y[p.y + i] = x[p.x + i] + max_x[0] + row_state[x[2]];";
  const source = shaderSource(EXAMPLE, "room/example.wgsl", code, { shared: "fn f() { x[1]; }\n" });
  const text = source.text([0, 0, 0, 3]);
  assert.ok(text.startsWith("fn f() { y[1]; }"));
  assert.ok(text.endsWith("y[p.y + i] = y[p.x + i] + max_x[0] + y[y[2]];"));
});

deviceTest("a launch takes its arguments by name, in whatever order", async (device) => {
  const spans = [[1, 2], [10, 20], [0, 0]].map((values) => {
    const span = { buffer: device.alloc(8), byteOffset: 0 };
    device.write(span, Float32Array.from(values));
    return span;
  });
  const [a, b, out] = spans;
  const args = { length: 2, b, out, a };
  if (device.kind === "wasm") device.run(ADD, 1, args);
  else {
    const code = `@compute @workgroup_size(2)
      fn add(@builtin(local_invocation_index) i: u32) { out[p.out + i] = a[p.a + i] + b[p.b + i]; }`;
    device.dispatch(wgsl(ADD, "tests/add.wgsl", code)(), 1, args);
  }
  assert.deepEqual([...new Float32Array((await device.read(out, 8)).buffer)], [11, 22]);
});
