import assert from "node:assert/strict";
import { join } from "node:path";
import { trainConfigSchema } from "../../../lib/runs/settings/config.ts";
import { configFileKeys, readConfigFile } from "../../../lib/runs/settings/config_file.ts";

async function withFile(name: string, text: string, body: (path: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, name);
    await Deno.writeTextFile(path, text);
    await body(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (
  const [name, text] of [
    ["run.yaml", "# comment\nlearningRate: 1e-4\ntarget-modules: [q, k]\nppo_epochs: 3\n"],
    ["run.json", '{ "learningRate": 1e-4, "targetModules": ["q", "k"], "ppoEpochs": 3 }'],
  ]
) {
  Deno.test(`${name}: only what the file says, in any of the three spellings`, async () => {
    await withFile(name, text, async (path) => {
      assert.deepEqual(await readConfigFile(path, trainConfigSchema), {
        learningRate: 1e-4,
        targetModules: ["q", "k"],
        ppoEpochs: 3,
      });
    });
  });
}

Deno.test("TRL's older name of a setting is read", async () => {
  await withFile("run.yaml", "forward_batch_size: 2\n", async (path) => {
    assert.deepEqual(await readConfigFile(path, trainConfigSchema), { miniBatchSize: 2 });
    assert.deepEqual(
      [...await configFileKeys(path, trainConfigSchema)],
      [["miniBatchSize", "forward_batch_size"]],
    );
  });
  await withFile("run.yaml", "forward_batch_size: 2\nmini_batch_size: 2\n", async (path) => {
    await assert.rejects(
      readConfigFile(path, trainConfigSchema),
      /miniBatchSize is given twice, as forward_batch_size and mini_batch_size$/,
    );
  });
});

Deno.test("an empty YAML file says nothing", async () => {
  await withFile(
    "run.yml",
    "",
    async (path) => assert.deepEqual(await readConfigFile(path, trainConfigSchema), {}),
  );
});

const broken: [string, string, RegExp][] = [
  ["run.toml", "steps = 1", /ends in .yaml, .yml or .json/],
  ["run.json", "", /run.json is not valid JSON: it is empty$/],
  [
    "run.json",
    '{"steps": 1, "steps": 2}',
    /run.json: steps appears twice, the second time in line 1$/,
  ],
  [
    "run.json",
    '{\n"steps": 1,\n"steps": 2}',
    /run.json: steps appears twice, the second time in line 3$/,
  ],
  ["run.yaml", "steps: 1\nsteps: 2", /run.yaml: steps appears twice, the second time in line 2$/],
  [
    "run.yaml",
    "steps: 1\n---\n",
    /is not valid YAML: Source contains multiple documents at line 2/,
  ],
  ["run.json", "null", /run.json: expected settings by name, found null$/],
  ["run.json", '{"__proto__": 1}', /run.json: there is no setting "__proto__"$/],
  ["run.yaml", "a: 1", /run.yaml: there is no setting "a"$/],
  ["run.yaml", "batch_sise: 4", /no setting "batch_sise": did you mean batch_size\?/],
  ["run.yaml", "learningRate: .nan", /learningRate must be a number above 0, found NaN$/],
  [
    "run.yaml",
    "steps: &a [*a]",
    /steps must be .*, found a list or a mapping that contains itself$/,
  ],
  ["run.yaml", "targetModules: 7", /targetModules must be a list, .*, found 7$/],
  [
    "run.yaml",
    "rank_pattern: { q: 1.5 }",
    /rank_pattern must be names, each with an integer above 0, or none, found \{"q":1.5\}$/,
  ],
  ["run.json", "{", /run.json is not valid JSON: /],
  ["run.yaml", "a: [", /run.yaml is not valid YAML: /],
  [
    "run.yaml",
    `a: &a [${"x,".repeat(99)}]\nb: &b [${"*a,".repeat(99)}]\nsteps: [${"*b,".repeat(99)}]`,
    /run.yaml is not valid YAML: Excessive alias count/,
  ],
  ["run.yaml", "- 1", /expected settings by name, found \[1\]/],
  [
    "run.yaml",
    "batchSise: 4",
    /run.yaml: there is no setting "batchSise": did you mean batchSize\?/,
  ],
  ["run.yaml", "learning-rate: x", /run.yaml: learning-rate must be a number above 0, found "x"$/],
  ["run.yaml", "lr: 1", /run.yaml: there is no setting "lr": did you mean learningRate\?$/],
  [
    "run.yaml",
    "kl_coef: 1",
    /run.yaml: there is no setting "kl_coef": did you mean init_kl_coef\?$/,
  ],
  ["run.yaml", "steps: many", /run.yaml: steps must be an integer above 0, found "many"/],
  ["run.yaml", "top_k: 1\ntopK: 2", /run.yaml: topK is given twice, as top_k and topK$/],
];
for (const [name, text, expected] of broken) {
  Deno.test(`${name} with ${JSON.stringify(text)} is refused`, async () => {
    await withFile(name, text, async (path) => {
      await assert.rejects(readConfigFile(path, trainConfigSchema), expected);
    });
  });
}

Deno.test("a file that is not UTF-8 is refused", async () => {
  await withFile("run.yaml", "", async (path) => {
    await Deno.writeFile(path, Uint8Array.of(0x61, 0x3a, 0x20, 0xfc));
    await assert.rejects(
      readConfigFile(path, trainConfigSchema),
      /run.yaml is not UTF-8: line 1 has the byte 0xFC/,
    );
  });
});

Deno.test("a missing file is named", async () => {
  await assert.rejects(
    readConfigFile("/nowhere/run.yaml", trainConfigSchema),
    /cannot read \/nowhere\/run.yaml: /,
  );
});
