/**
 * Run with V8's turbo flags before they are relied on: products with 256-bit tiles must equal those
 * with 128-bit tiles bit for bit, also once V8 has optimised the code. Prints "ok".
 *
 * deno run -A --v8-flags=--experimental-wasm-revectorize,--no-wasm-bounds-checks lib/doctor/turbo_self_test.ts
 */
import { matmul } from "../../kernels/matmul/matmul.ts";
import { packPanels, panelBytes } from "../../kernels/matmul/panels.ts";
import type { RightMatrix } from "../../kernels/matmul/product.ts";
import { Random } from "../random.ts";
import { WasmDevice } from "../device/wasm/wasm_device.ts";

/** Products of each kind: enough for V8 to optimise the tiles meanwhile. */
const REPEATS = 40;
const [M, N, K] = [61, 100, 400];

/** C = A B for several kinds of B, many times; the last results. */
async function products(wideVectors: boolean): Promise<Float32Array[]> {
  const device = await WasmDevice.create({ threads: 1, wideVectors });
  const random = new Random(1);
  const upload = (length: number) => {
    const span = { buffer: device.alloc(length * 4), byteOffset: 0 };
    device.write(span, Float32Array.from({ length }, () => random.uniform() - 0.5));
    return span;
  };
  const [a, w] = [upload(M * K), upload(N * K)];
  const c = upload(M * N);
  const rights: RightMatrix[] = [{ kind: "strided", span: w, kStride: 1, nStride: K }];
  for (const dtype of ["f32", "bf16"] as const) {
    const span = { buffer: device.alloc(panelBytes(N, K, dtype)), byteOffset: 0 };
    packPanels(device, { span, dtype }, w, N, K);
    rights.push({ kind: "panels", panels: { span, dtype } });
  }
  const results: Float32Array[] = [];
  for (const b of rights) {
    for (let i = 0; i < REPEATS; i++) matmul(device, { c, a, b, m: M, n: N, k: K });
    results.push(new Float32Array((await device.read(c, M * N * 4)).buffer));
  }
  device.close();
  return results;
}

const narrow = await products(false);
const wide = await products(true);
const same = narrow.every((values, i) => values.every((value, j) => value === wide[i][j]));
console.log(same ? "ok" : "256-bit products differ from 128-bit ones");
