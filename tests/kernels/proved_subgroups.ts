/** Prints the size of the adapter's subgroups, variants of the product that differ, and what is used. */
import { compareVariants } from "../../kernels/matmul/equal_variants.ts";
import { equalVariants } from "../../lib/doctor/bit_equality.ts";
import { openDevice } from "../../lib/device/open.ts";

const device = await openDevice({ device: "webgpu" });
if (device.kind === "webgpu") {
  const { subgroupSize } = device;
  const { compared, differing } = await compareVariants(device);
  await equalVariants(device);
  const { usesSubgroups } = device;
  console.log(JSON.stringify({ subgroupSize, compared, differing, usesSubgroups }));
}
device.close();
