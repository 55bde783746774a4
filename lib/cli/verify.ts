import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { UserError } from "../errors.ts";
import * as config from "../runs/settings/config.ts";
import { DEMO_MODEL } from "../runs/settings/demo.ts";
import type { Check } from "../doctor/check.ts";
import { NOTEBOOK_REPOS } from "../verify/mission_facts.ts";
import { visibleLine } from "../visible_text.ts";
import { examples, jsonOption, paragraphs, usageLine } from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { lineWidth, print } from "./terminal.ts";
import { hanging } from "./text_layout.ts";

const { model, dtype } = config.modelFields;
const { device } = config.deviceFields;

/** `temper verify` */
export const verifyCommand = command(
  "verify",
  merge(
    object({
      command: constant("verify"),
      mission: option("--mission", {
        description:
          message`Check what is known of the original notebook's models and data, from the Hub`,
      }),
      json: jsonOption(),
    }),
    optionsFromSchema("Model", { model, dtype }),
    optionsFromSchema("Device", {
      device: device.describe("Device to verify; auto takes wasm, and a GPU if there is one"),
    }),
  ),
  {
    brief: message`Prove on this machine that training is exact.`,
    description: paragraphs(
      "Checks, with a model and a random adapter on it: that the log-probabilities of decoding " +
        "equal those of a training pass bit for bit, so that the probability ratio is exactly 1 " +
        "before the first update; that a response depends neither on its batch nor on its group; " +
        "that the same seed gives the same response again, on every device; that a run resumed " +
        "from a checkpoint ends like one that was not interrupted; and on a GPU, that all variants " +
        "of a kernel, of which the fastest is used, give the same results. Exits with code 1 if a " +
        "check fails.",
      `With --mission, downloads the original notebook's ${
        Object.values(NOTEBOOK_REPOS).join(", ")
      } ` +
        "(about 2 GB; interrupted downloads are resumed) and compares them with what the " +
        "notebook printed: numbers of rows and parameters, logits and toxicity of two texts. Then " +
        "takes a PPO step.",
    ),
    footer: examples(
      ["The demo's model, on every device", "temper verify"],
      ["Your own model", "temper verify --model ./SmolLM2-135M --dtype bf16"],
      ["The original notebook's models and data", "temper verify --mission"],
    ),
    usageLine: usageLine(),
  },
);

/** Options of the command. */
type Options = InferValue<typeof verifyCommand>;

/** Verifies, and prints a table. */
export async function runVerify(options: Options): Promise<void> {
  const { json, mission, model } = options;
  if (mission && model !== undefined) {
    throw new UserError(`--mission checks ${NOTEBOOK_REPOS.model}: leave --model out`);
  }
  const width = lineWidth();
  const report = json ? () => {} : (result: Check) => print(describe(result, width));
  const verified = await (mission ? verifyNotebook : verifyPromises)(options, report);
  const { results } = verified;
  if (json) print(JSON.stringify(verified, null, 2));
  const noun = mission ? "facts" : "promises";
  const failed = results.filter(({ passed }) => !passed);
  if (failed.length > 0) {
    const names = failed.map(({ device, name }) => `${device} ${name}`).join(", ");
    throw new UserError(`${failed.length} of ${results.length} ${noun} do not hold: ${names}`);
  }
  if (!json) print(`all ${results.length} ${noun} hold`);
}

async function verifyPromises(
  { model = DEMO_MODEL, dtype = "f32", device = "auto" }: Options,
  report: (result: Check) => void,
) {
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
  return { model, dtype, results: await verify(folder, all, dtype, report) };
}

async function verifyNotebook(
  { dtype = "bf16", device: name }: Options,
  report: (result: Check) => void,
) {
  const { openDevice } = await import("../device/open.ts");
  const { locate } = await import("../runs/loading/locate.ts");
  const { verifyMission } = await import("../verify/mission.ts");
  const { downloadScreen } = await import("./download_screen.ts");
  const screen = downloadScreen();
  const folders = {
    model: await locate("model", NOTEBOOK_REPOS.model, screen),
    classifier: await locate("model", NOTEBOOK_REPOS.classifier, screen),
    dataset: await locate("dataset", NOTEBOOK_REPOS.dataset, screen),
  };
  const device = await openDevice({ device: name });
  try {
    const results = await verifyMission(device, folders, { dtype, report });
    return { ...NOTEBOOK_REPOS, dtype, results };
  } finally {
    device.close();
  }
}

function describe({ device, name, passed, detail, seconds }: Check, width: number): string {
  const mark = passed ? "ok    " : "FAILED";
  return hanging(
    visibleLine(`${mark}  ${device.padEnd(6)}  ${name.padEnd(29)}  `),
    visibleLine(`${detail} (${seconds.toFixed(1)} s)`),
    width,
  );
}
