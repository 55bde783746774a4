import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { UserError } from "../errors.ts";
import * as config from "../runs/settings/config.ts";
import { DEMO_MODEL } from "../runs/settings/demo.ts";
import type { Verified } from "../verify/verify.ts";
import { visibleLine } from "../visible_text.ts";
import { examples, jsonOption, paragraphs, usageLine } from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { print } from "./terminal.ts";

const { model, dtype } = config.modelFields;
const { device } = config.deviceFields;

/** `temper verify` */
export const verifyCommand = command(
  "verify",
  merge(
    object({ command: constant("verify"), json: jsonOption() }),
    optionsFromSchema("Model", { model, dtype }),
    optionsFromSchema("Device", {
      device: device.describe("Device to verify; auto takes wasm, and a GPU if there is one"),
    }),
  ),
  {
    brief: message`Prove on this machine that training is exact.`,
    description: paragraphs(
      "Puts to the test, with a model and a random adapter on it, that the log-probabilities of " +
        "decoding equal those of a training pass bit for bit, so that the probability ratio is " +
        "exactly 1 before the first update; that a response depends neither on its batch nor on " +
        "its group; that a seed gives the same response again, and on every device; and that a " +
        "run that is resumed from a checkpoint ends as one that was not interrupted. Exits with " +
        "code 1 if a check fails.",
    ),
    footer: examples(
      ["The demo's model, on every device", "temper verify"],
      ["Your own model", "temper verify --model ./SmolLM2-135M --dtype bf16"],
    ),
    usageLine: usageLine(),
  },
);

/** Verifies, and prints a table. */
export async function runVerify(
  { command: _, json, model = DEMO_MODEL, dtype = "f32", device = "auto" }: InferValue<
    typeof verifyCommand
  >,
): Promise<void> {
  const { locate } = await import("../runs/loading/locate.ts");
  const { verify } = await import("../verify/verify.ts");
  const { findAdapter } = await import("../device/webgpu/adapter.ts");
  const { downloadScreen } = await import("./download_screen.ts");
  const folder = await locate("model", model, downloadScreen());
  const all = device !== "auto"
    ? [device]
    : await findAdapter()
    ? ["wasm", "webgpu"] as const
    : ["wasm"] as const;
  const results = await verify(
    folder,
    all,
    dtype,
    json ? undefined : (result) => {
      print(describe(result));
    },
  );
  if (json) print(JSON.stringify({ model, dtype, results }, null, 2));
  const failed = results.filter(({ passed }) => !passed);
  if (failed.length > 0) {
    const names = failed.map(({ device, name }) => `${device} ${name}`).join(", ");
    throw new UserError(`${failed.length} of ${results.length} promises do not hold: ${names}`);
  }
  if (!json) print(`all ${results.length} promises hold`);
}

function describe({ device, name, passed, detail, seconds }: Verified): string {
  const mark = passed ? "ok    " : "FAILED";
  return visibleLine(
    `${mark}  ${device.padEnd(6)}  ${name.padEnd(29)}  ${detail} (${seconds.toFixed(1)} s)`,
  );
}
