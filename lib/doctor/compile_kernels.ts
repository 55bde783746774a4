/**
 * Run by doctor in a process of its own, since a driver's compiler may end it. Reads the device's name
 * from standard input. Prints a line of JSON for each {@linkcode CompileLine}, at once: the last one
 * tells what the process died of.
 *
 * deno run lib/doctor/compile_kernels.ts
 */
import { openDevice } from "../device/open.ts";
import { findGpu, type GpuName } from "../device/webgpu/gpu.ts";
import { testHalfFloats } from "./half_floats.ts";
import { exerciseKernels } from "./kernel_workload.ts";
import type { CompileLine } from "./compile_report.ts";

const say = (line: CompileLine) => console.log(JSON.stringify(line));

const name = await new Response(Deno.stdin.readable).text() as GpuName;
const device = await openDevice({
  device: name,
  compilation: {
    compiling: (compiling) => say({ compiling }),
    compiled: (compiled, seconds) => say({ compiled, seconds }),
  },
});
if (device.kind === "webgpu") await exerciseKernels(device);
device.close();
// The last, since nothing depends on it. An adapter makes one device.
say({ compiling: "f16" });
const halfFloats = await testHalfFloats((await findGpu(name))!.adapter);
say({ halfFloats });
