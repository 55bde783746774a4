import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import * as config from "../runs/settings/config.ts";
import { loraFields } from "../runs/settings/lora.ts";
import { examples, given, jsonOption, paragraphs, usageLine } from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { print } from "./terminal.ts";

/** `temper params` */
export const paramsCommand = command(
  "params",
  merge(
    object({ command: constant("params"), json: jsonOption() }),
    optionsFromSchema("Policy", config.modelFields),
    optionsFromSchema("New adapter", loraFields),
  ),
  {
    brief: message`Count the parameters of a policy.`,
    description: paragraphs(
      "Prints the number of trained parameters, the number of all parameters and the percentage, " +
        "for the model with its adapter, and with the value head.",
    ),
    footer: examples(
      ["The demo policy", "temper params"],
      ["A smaller adapter on more layers", "temper params --lora-r 8 --target-modules q,k,v,o"],
    ),
    usageLine: usageLine(),
  },
);

/** Counts, and prints the numbers. */
export async function runParams(options: InferValue<typeof paramsCommand>): Promise<void> {
  const { command: _, json, ...flags } = options;
  const resolved = config.resolveTrainConfig(given(flags));
  const { openDevice } = await import("../device/open.ts");
  const { countParameters, describeParameters } = await import("../models/parameter_count.ts");
  const { loadRunPolicy } = await import("../runs/loading/policy.ts");
  const { downloadScreen } = await import("./download_screen.ts");
  const device = await openDevice(resolved);
  try {
    const policy = await loadRunPolicy(device, resolved, downloadScreen());
    const { adapter, withValueHead } = countParameters(policy);
    if (json) return print(JSON.stringify({ adapter, withValueHead }, null, 2));
    print(describeParameters(adapter));
    print(`\nwith the value head:\n${describeParameters(withValueHead)}`);
  } finally {
    device.close();
  }
}
