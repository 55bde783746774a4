/** GFLOPS of the matrix product at training's shapes: deno run -A bench/matmul.ts */
import { matmul, packPanels, panelBytes } from "../kernels/matmul/matmul.ts";
import { WasmDevice } from "../lib/device/wasm/wasm_device.ts";

const SHAPES = [
  [1024, 1024, 1024],
  [512, 768, 768],
  [512, 2048, 768],
  [16, 768, 768],
  [16, 32128, 768],
  [4, 768, 768],
  [1, 768, 768],
];

for (const threads of [1, 2]) {
  const device = await WasmDevice.create({ threads });
  const at = (bytes: number) => ({ buffer: device.alloc(bytes), byteOffset: 0 });
  for (const [m, n, k] of SHAPES) {
    const a = at(m * k * 4);
    const c = at(m * n * 4);
    const w = at(n * k * 4);
    const line: string[] = [];
    for (const kind of ["panels", "transposedPanels", "strided"] as const) {
      for (const dtype of kind === "strided" ? ["f32"] as const : ["f32", "bf16"] as const) {
        // B is [k, n]: panels pack its transpose.
        const [rows, columns] = kind === "panels" ? [n, k] : [k, n];
        const panels = { span: at(panelBytes(rows, columns, dtype)), dtype };
        packPanels(device, panels, w, rows, columns);
        const b = kind === "strided"
          ? { kind, span: w, kStride: n, nStride: 1 } as const
          : { kind, panels } as const;
        const times: number[] = [];
        const until = performance.now() + 400;
        while (times.length < 5 || performance.now() < until) {
          const start = performance.now();
          matmul(device, { c, a, b, m, n, k });
          times.push(performance.now() - start);
        }
        times.sort((x, y) => x - y);
        const gflops = (ms: number) => (2 * m * n * k / ms / 1e6).toFixed(1);
        const median = times[times.length >> 1];
        line.push(`${kind} ${dtype} ${gflops(median)} (${gflops(times[0])})`);
        device.free(panels.span.buffer);
      }
    }
    console.log(`${threads} threads, ${m}x${n}x${k}: ${line.join(", ")}`);
    for (const span of [a, c, w]) device.free(span.buffer);
  }
  device.close();
}
