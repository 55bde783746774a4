import assert from "node:assert/strict";
import { formatMessage } from "@optique/core/message";
import { getDocPage, parse } from "@optique/core/parser";
import { z } from "zod";
import { optionName, optionsFromSchema } from "../../lib/cli/options_from_schema.ts";

const parser = optionsFromSchema("Test", {
  learningRate: z.number().positive().default(1e-5).describe("rate"),
  topK: z.int().nonnegative().default(0).describe("k"),
  dtype: z.enum(["f32", "bf16"]).default("f32").describe("type"),
  maxGradNorm: z.number().positive().nullable().default(null).describe("norm"),
  targetModules: z.array(z.string().min(1)).default(["q"]).describe("names"),
  weights: z.array(z.number()).nullable().default(null).describe("numbers"),
  ranks: z.record(z.string().min(1), z.int()).nullable().default(null).describe("by name"),
  progress: z.boolean().default(true).describe("bar"),
});

function given(...args: string[]): Record<string, unknown> {
  const result = parse(parser, args);
  if (!result.success) throw new Error(formatMessage(result.error));
  return Object.fromEntries(
    Object.entries(result.value).filter(([, value]) => value !== undefined),
  );
}

Deno.test("what is not given is left to the schema", () => {
  assert.deepEqual(given(), {});
});

Deno.test("each kind of field becomes an option", () => {
  assert.deepEqual(given("--learning-rate", "1e-3", "--top-k=5", "--dtype", "bf16"), {
    learningRate: 1e-3,
    topK: 5,
    dtype: "bf16",
  });
  assert.deepEqual(given("--max-grad-norm", "none"), { maxGradNorm: null });
  assert.deepEqual(given("--max-grad-norm", "0.5"), { maxGradNorm: 0.5 });
  assert.deepEqual(given("--no-progress"), { progress: false });
  assert.deepEqual(given("--progress"), { progress: true });
});

Deno.test("lists are separated by commas or repeated", () => {
  assert.deepEqual(given("--target-modules", "q,v"), { targetModules: ["q", "v"] });
  assert.deepEqual(given("--target-modules", "q", "--target-modules", "v,k"), {
    targetModules: ["q", "v", "k"],
  });
  assert.deepEqual(given("--weights", "1,-0.5"), { weights: [1, -0.5] });
  assert.deepEqual(given("--weights", "none"), { weights: null });
});

Deno.test("values by name are separated by commas or repeated; a name may have the sign", () => {
  assert.deepEqual(given("--ranks", "q=3,wo=4"), { ranks: { q: 3, wo: 4 } });
  assert.deepEqual(given("--ranks", "q=3", "--ranks", "(?=v)v=4"), {
    ranks: { q: 3, "(?=v)v": 4 },
  });
  assert.deepEqual(given("--ranks", "none"), { ranks: null });
});

Deno.test("the help tells each default once, the demo's beside it where it differs", () => {
  const described = optionsFromSchema("Test", {
    steps: z.int().nullable().default(null).describe("Steps (default: whole epochs)"),
    epochs: z.int().nullable().default(null).describe("Epochs (default: one)"),
    size: z.int().default(8).describe("Size"),
    same: z.int().default(8).describe("Same"),
    limit: z.int().nullable().default(null).describe("Limit (none: no limit)"),
  }, { steps: 30, size: 4, same: 8, limit: 2 });
  const page = getDocPage(described)!;
  const help = page.sections.flatMap(({ entries }) => entries)
    .map(({ description, default: shown }) =>
      [description, shown].filter((part) => part !== undefined)
        .map((part) => formatMessage(part, { quotes: false })).join(" | ")
    );
  assert.deepEqual(help, [
    "Steps | whole epochs; 30 in the demo",
    "Epochs (default: one)",
    "Size | 8, 4 in the demo",
    "Same | 8",
    "Limit (none: no limit) | 2 in the demo",
  ]);
});

const refused: [string[], string][] = [
  [["--learning-rate", "0"], '--learning-rate must be a number above 0, found "0"'],
  [["--learning-rate", ""], '--learning-rate must be a number above 0, found ""'],
  [["--top-k", "2.5"], '--top-k must be an integer of at least 0, found "2.5"'],
  [["--dtype", "f16"], '--dtype must be one of f32, bf16, found "f16"'],
  [
    ["--max-grad-norm", "-1"],
    '--max-grad-norm must be a number above 0, or none, found "-1"',
  ],
  [["--ranks", "q=x"], '--ranks must be names, each with an integer, or none, found "q=x"'],
  [["--ranks", "q"], '--ranks must be names, each with an integer, or none, found "q"'],
  [["--ranks", "q=1,,"], "--ranks must be names, each with an integer, or none"],
  [["--target-modules", "q,,v"], "--target-modules must be a list, each a text that is not empty"],
];
for (const [args, expected] of refused) {
  Deno.test(`refused: ${args.join(" ")}`, () => {
    assert.throws(() => given(...args), (error: Error) => error.message.includes(expected));
  });
}

Deno.test("optionName", () => {
  assert.equal(optionName("adamBeta1"), "adam-beta1");
  assert.equal(optionName("loraR"), "lora-r");
});
