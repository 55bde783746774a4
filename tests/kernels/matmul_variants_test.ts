import assert from "node:assert/strict";
import { assetUrl } from "../../assets.ts";
import { compareVariants, provesSubgroups } from "../../kernels/matmul/equal_variants.ts";
import {
  chooseVariant,
  hasSubgroupVariant,
  matmulVariants,
  type ProductTraits,
  shapeClass,
  shapeClasses,
  usefulVariants,
} from "../../kernels/matmul/matmul_variants.ts";
import { matmul } from "../../kernels/matmul/matmul.ts";
import type { GpuDevice } from "../../lib/device/device.ts";
import { findAdapter } from "../../lib/device/webgpu/adapter.ts";
import { toBf16 } from "../../lib/formats/bf16.ts";
import { Context } from "../../lib/tensor/context.ts";
import { gpuTest, withArguments } from "../device.ts";
import { randomValues, relativeNorm } from "../numeric.ts";
import { matmulReference, transpose } from "../reference/matmul.ts";

gpuTest("matmul: every variant gives the same, bit for bit", async (device) => {
  const before = [device.tuning.size, device.memory.used];
  const { compared, differing } = await compareVariants(device);
  assert.deepEqual(differing, []);
  assert.equal(compared.includes("broadcast"), hasSubgroupVariant(device));
  assert.equal(await provesSubgroups(device), hasSubgroupVariant(device));
  assert.deepEqual([device.tuning.size, device.memory.used], before);
});

/** Sizes in fours, and others; m, n, k above and below those of tiles. */
const SHAPES = [[136, 140, 100], [140, 40, 48], [36, 132, 16], [8, 4, 4], [97, 130, 65]];

gpuTest("matmul: every variant against f64", async (device) => {
  const cx = new Context(device);
  for (const [m, n, k] of SHAPES) {
    const [a, b, start] = [randomValues(m * k, 1), randomValues(k * n, 2), randomValues(m * n, 3)];
    const [a2, b2] = [randomValues(m * k, 4), randomValues(k * n, 5)];
    const half = toBf16(b);
    const product = matmulReference(a, b, m, n, k);
    const widened = new Float32Array(Uint32Array.from(half, (bits) => bits << 16).buffer);
    const ofHalf = matmulReference(a, widened, m, n, k);
    const product2 = matmulReference(a2, b2, m, n, k);
    const rows = (values: Float32Array) =>
      ({ kind: "strided", span: cx.from(values), kStride: n, nStride: 1 }) as const;
    const columns = (values: Float32Array) =>
      ({
        kind: "strided",
        span: cx.from(transpose(values, k, n)),
        kStride: 1,
        nStride: k,
      }) as const;
    const bf16 = cx.empty([Math.ceil(k * n / 2)]);
    device.write(bf16, half);
    const expected = {
      forward: product.map((value, i) => 0.5 * value + product2[i] + start[i]),
      backward: ofHalf,
      gradient: product.map((value, i) => value + start[i]),
    };
    const bOfTokens = rows(b);
    const launches = {
      forward: {
        ...{ a: cx.from(a), b: { ...columns(b), alpha: 0.5 }, residual: cx.from(start) },
        extension: { a: cx.from(a2), b: columns(b2), k },
      },
      backward: { a: cx.from(a), b: { ...bOfTokens, span: bf16, dtype: "bf16" } },
      gradient: {
        ...{ a: cx.from(transpose(a, m, k)), aRowStride: 1, aColumnStride: m, b: bOfTokens },
        accumulate: true,
      },
    } as const;
    for (const { name } of matmulVariants(device)) {
      for (const kind of shapeClasses()) device.tuning.set(kind, name);
      for (const direction of ["forward", "backward", "gradient"] as const) {
        const c = cx.from(start, [m, n]);
        matmul(device, { ...launches[direction], c, m, n, k });
        const error = relativeNorm(await c.read(), expected[direction]);
        assert.ok(error < 2e-6, `${name}, ${direction} ${m}x${n}x${k}: relative error ${error}`);
      }
    }
  }
  cx.release();
  device.tuning.clear();
});

gpuTest("matmul: a variant that gives something else is found", async (device) => {
  // Threads that take themselves for more than a subgroup read each other's rows in vain.
  const twice = (device.subgroupSize ?? 64) * 2;
  const deceived: GpuDevice = Object.create(device, {
    subgroupSize: { value: twice },
    dispatch: { value: device.dispatch.bind(device) },
    read: { value: device.read.bind(device) },
    write: { value: device.write.bind(device) },
    alloc: { value: device.alloc.bind(device) },
    free: { value: device.free.bind(device) },
    usesSubgroups: { value: false, writable: true },
  });
  if (!hasSubgroupVariant(deceived) || device.subgroupSize === null) return;
  assert.equal(await provesSubgroups(deceived), false);
  assert.equal(deceived.usesSubgroups, false);
});

gpuTest("matmul: several products that differ from one by itself are found", async (device) => {
  const otherwise = withArguments(device, "scale_0", { scale_0: 0.31 });
  const { compared, differing } = await compareVariants(otherwise, ["tiled 16 8", "narrow 4 4 16"]);
  assert.deepEqual([compared.length, differing], [2, ["narrow 4 4 16"]]);
});

const TRAITS: ProductTraits = {
  m: 100,
  n: 100,
  dtype: "f32",
  aAlongK: true,
  bAlongK: true,
  b2AlongK: true,
  fours: true,
};

Deno.test("matmul: the choice of a variant", () => {
  const gpu = {
    subgroupSize: 8,
    usesSubgroups: true,
    software: true,
    tuning: new Map<string, string>(),
  };
  const chosen = (device: Partial<typeof gpu>, traits: Partial<ProductTraits> = {}) =>
    chooseVariant({ ...gpu, ...device } as GpuDevice, { ...TRAITS, ...traits }).variant.name;
  assert.equal(chosen({}), "broadcast");
  assert.equal(chosen({}, { fours: false }), "tiled 16 8");
  assert.equal(chosen({ software: false }), "tiled 16 8");
  assert.equal(chosen({ software: false }, { m: 64 }), "narrow 4 4 16");
  assert.equal(chosen({ software: false }, { m: 64, fours: false }), "skinny 4 4 8");
  assert.equal(chosen({ software: false }, { m: 64, bAlongK: false }), "skinny 4 4 8");
  // As an adapter's: tiles would be few.
  assert.equal(chosen({ software: false }, { n: 64 }), "skinny 4 4 8");
  assert.equal(chosen({ software: false }, { m: 1, n: 1 }), "narrow 4 1 32");
  assert.equal(chosen({ software: false }, { m: 1 }), "narrow 4 1 32");
  assert.equal(chosen({ software: false }, { m: 1, fours: false }), "skinny 4 1 32");
  assert.equal(chosen({ tuning: new Map([[shapeClass(TRAITS), "tiled 16 16"]]) }), "tiled 16 16");
  const withoutSubgroups = { subgroupSize: null } as unknown as { subgroupSize: number };
  assert.equal(chosen(withoutSubgroups), "tiled 16 8");
  for (const subgroupSize of [8, 16, 32, 64]) assert.equal(chosen({ subgroupSize }), "broadcast");
  // Sizes without a variant, and subgroups that have not proved themselves, tuned or not.
  assert.equal(chosen({ subgroupSize: 4 }), "tiled 16 8");
  const tuning = new Map([[shapeClass(TRAITS), "broadcast"]]);
  assert.equal(chosen({ tuning, software: false }), "broadcast");
  assert.equal(chosen({ usesSubgroups: false }), "tiled 16 8");
  assert.equal(chosen({ usesSubgroups: false, tuning }), "tiled 16 8");
  const names = matmulVariants({ subgroupSize: null, usesSubgroups: true } as GpuDevice).map((
    { name },
  ) => name);
  assert.equal(new Set(names).size, names.length);
  assert.ok(!names.includes("broadcast"));
});

Deno.test("matmul: variants worth measuring", () => {
  const device = { subgroupSize: 8, usesSubgroups: true } as GpuDevice;
  const useful = (traits: Partial<ProductTraits>) =>
    usefulVariants(device, { ...TRAITS, ...traits }).map(({ name }) => name);
  assert.ok(useful({}).includes("staged 128 128") && useful({}).includes("broadcast"));
  assert.ok(useful({}).every((name) => !/skinny|narrow/.test(name)));
  assert.ok(useful({ fours: false }).every((name) => name.startsWith("tiled")));
  // Tiles would be nearly empty.
  assert.ok(useful({ m: 1 }).every((name) => /skinny|narrow|broadcast/.test(name)));
  assert.ok(useful({ n: 8 }).includes("skinny 4 4 8") && !useful({ n: 8 }).includes("tiled 16 8"));
});

// llvmpipe has subgroups of as many threads as a vector of the CPU has f32 values. With Mesa 22.3 and
// vectors of 16, `broadcast` has been seen to differ; why is not known. Where it does, it is not used.
for (const size of [4, 16]) {
  gpuTest(`matmul: subgroups of ${size} threads are used where they prove equal`, async () => {
    const program = assetUrl("tests/kernels/proved_subgroups.ts").href;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", program],
      env: { LP_NATIVE_VECTOR_WIDTH: String(32 * size) },
    }).output();
    const line = new TextDecoder().decode(stdout).trim().split("\n").at(-1)!;
    const { subgroupSize, compared, differing, usesSubgroups } = JSON.parse(line);
    const has = compared.includes("broadcast");
    assert.equal(usesSubgroups, has && !differing.includes("broadcast"));
    assert.deepEqual(differing.filter((name: string) => name !== "broadcast"), []);
    const adapter = await findAdapter();
    if (!/llvmpipe/.test(adapter!.info.description) || subgroupSize === null) return;
    assert.deepEqual([subgroupSize, has], [size, size !== 4]);
  });
}
