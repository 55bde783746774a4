import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { string } from "@optique/core/valueparser";
import { z } from "../packages/zod.ts";
import { RunInterruptedError } from "../errors.ts";
import { deviceFields } from "../runs/settings/config.ts";
import { visibleLine } from "../visible_text.ts";
import { natsAddress, natsAuthFields } from "./nats_options.ts";
import { examples, paragraphs, usageLine } from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { stopOnSignals } from "./signals.ts";
import { terminal } from "./terminal.ts";
import { checkTurbo } from "./turbo.ts";

const text = z.string().min(1).nullable().default(null);

const workFields = {
  run: text.meta({ metavar: "ID" }).describe("Id of the run to work for (default: any)"),
  name: text.meta({ metavar: "NAME" })
    .describe("Name of the worker (default: the machine's, with a random suffix)"),
  model: text.meta({ metavar: "DIR|ORG/NAME" })
    .describe("This machine's copy of the run's model (default: what the run names)"),
  reward: z.array(z.string().min(1)).nullable().default(null).meta({
    metavar: "DIR|ORG/NAME|FILE.ts",
  })
    .describe("This machine's copies of rewards of the run: scripts only run here if named"),
  batchSize: z.int().positive().default(64)
    .describe("Maximum number of responses that are generated together"),
};

/** `temper work` */
export const workCommand = command(
  "work",
  merge(
    object({
      command: constant("work"),
      nats: optional(argument(string({ metavar: "URL" }), {
        description: message`Address of the NATS server (default: that in NATS_URL)`,
      })),
      once: option("--once", { description: message`End when the run does` }),
    }),
    optionsFromSchema("Work", workFields),
    optionsFromSchema("Connection", natsAuthFields),
    optionsFromSchema("Device", deviceFields),
  ),
  {
    brief: message`Generate and score rollouts for a trainer on another machine.`,
    description: paragraphs(
      "Takes prompts of a run that was started with --nats from a NATS server with JetStream, " +
        "responds with the trainer's policy, scores the responses, and stores the results. Any " +
        "number of workers may come and go; killed ones lose nothing. The results are those of " +
        "the trainer itself, bit for bit, on devices of the same kind.",
      "The model has to be the trainer's, which its fingerprint proves. Names of the Hub and of " +
        "the demo are taken from the run; a folder needs --model. Scripts and judges score on the " +
        "trainer, unless --reward names the same script here.",
    ),
    footer: examples(
      ["For any run", "temper work nats://trainer:4222"],
      ["With a copy of the model", "temper work nats://trainer:4222 --model ./flan-t5-base"],
    ),
    usageLine: usageLine("[URL]"),
  },
);

/** Works until it is stopped. */
export async function runWork(options: InferValue<typeof workCommand>): Promise<void> {
  const { nats, natsCreds, natsNkey, natsTlsca, once, run, name, model, reward, batchSize } =
    options;
  checkTurbo({ turbo: options.turbo ?? false });
  const address = natsAddress({ nats, natsCreds, natsNkey, natsTlsca });
  const { work } = await import("../cluster/worker.ts");
  const { downloadScreen } = await import("./download_screen.ts");
  const out = terminal("stderr");
  const screen = downloadScreen();
  using stop = stopOnSignals("finishing the work at hand; press Ctrl-C again to stop at once");
  const { device, threads, autotune } = options;
  await work(
    address,
    {
      ...{ device, threads, autotune },
      run: run ?? null,
      name: name ?? null,
      model: model ?? null,
      rewards: reward ?? [],
      batchSize: batchSize ?? 64,
      once,
    },
    {
      ...screen,
      worked: ({ step, rollouts, tokens, seconds }) => {
        const rate = (tokens / Math.max(seconds, 1e-9)).toFixed(0);
        out.write(
          visibleLine(
            `step ${step}: ${rollouts} responses, ${tokens} tokens in ${
              seconds.toFixed(2)
            } s (${rate} tokens/s)`,
          ) + "\n",
        );
      },
    },
    stop.signal,
  );
  if (stop.signal.aborted) {
    throw new RunInterruptedError("stopped: work that was not done goes to other workers", {
      exitCode: stop.exitCode(),
    });
  }
}
