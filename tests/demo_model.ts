import { fileURLToPath } from "node:url";

/** The folder of the demo's policy. */
export const demoModelDir: string = fileURLToPath(new URL("../demo/tiny-flan-t5", import.meta.url));

/** The folder of the demo's reward model. */
export const demoRewardDir: string = fileURLToPath(
  new URL("../demo/tiny-roberta-toxicity", import.meta.url),
);
