import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

/**
 * Loads a model, its tokenizer, an adapter with a value head and a classifier from a folder, then
 * from memory once the permission to read files is gone, and compares what they compute.
 */
const SCRIPT = `
import {
  createPolicy, generate, loadAdapter, loadLanguageModel, loadPolicy, loadTrainableModel,
  MemoryFiles, openDevice, savePolicy, SequenceClassifier, Tokenizer,
} from "./mod.ts";

const [modelFolder, classifierFolder, adapterFolder] = Deno.args;
const device = await openDevice({ device: "wasm", threads: 2 });
const lora = { r: 4, loraAlpha: 8, loraDropout: 0, targetModules: ["q", "v"] };
const fresh = createPolicy(await loadLanguageModel(device, modelFolder), lora, 7);
const values = fresh.parameters.names.map((name) => [name, fresh.parameters.get(name).shape]);
for (const [name, shape] of values) {
  const count = shape.reduce((product, size) => product * size, 1);
  fresh.parameters.write(name, Float32Array.from({ length: count }, (_, i) => Math.sin(i) / 20));
}
await savePolicy(fresh, adapterFolder, "demo");

async function numbers(model, adapter, classifier) {
  const base = await loadLanguageModel(device, model);
  const tokenizer = await Tokenizer.load(model);
  const query = tokenizer.encode("How was the flight?");
  const config = { maxNewTokens: 5, doSample: true, seed: 3 };
  const frozen = await loadAdapter(base, adapter);
  const policy = await loadPolicy(base, adapter, 0);
  const trainable = await loadTrainableModel(device, model);
  const scorer = await SequenceClassifier.load(device, classifier);
  return JSON.stringify([
    query,
    await generate(base, [query], config, { logprobs: true }),
    await generate(base, [query], config, { logprobs: true, adapter: frozen }),
    [...(await policy.parameters.readAll()).values()].map(({ data }) => [...new Float32Array(data)]),
    trainable.parameters.count,
    await scorer.logits(["You are an idiot.", "Have a nice day."]),
  ]);
}

async function inMemory(folder, asBlob) {
  const files = [];
  for (const { name } of Deno.readDirSync(folder)) {
    const bytes = Deno.readFileSync(folder + "/" + name);
    files.push([name, asBlob ? new Blob([bytes]) : bytes]);
  }
  return new MemoryFiles(files);
}

const folders = [modelFolder, adapterFolder, classifierFolder];
const expected = await numbers(...folders);
const memory = await Promise.all(folders.map((folder) => inMemory(folder, false)));
const blobs = await Promise.all(folders.map((folder) => inMemory(folder, true)));
Deno.permissions.revokeSync({ name: "read" });
console.log(await numbers(...memory) === expected, await numbers(...blobs) === expected);
console.log(await numbers(...folders).catch(({ message }) => message));
device.close();
`;

Deno.test("models, tokenizers, adapters and classifiers from memory compute what they do from a folder", async () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const script = SCRIPT.replace("./mod.ts", new URL("../../mod.ts", import.meta.url).href);
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/script.js`;
    await Deno.writeTextFile(path, script);
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-check", "--cached-only", "--no-prompt"],
        ...[`--config=${root}deno.json`, "--allow-all", path],
        ...[`${root}demo/tiny-flan-t5`, `${root}demo/tiny-roberta-toxicity`, `${folder}/adapter`],
      ],
    }).output();
    const lines = new TextDecoder().decode(stdout).split("\n");
    assert.ok(success, new TextDecoder().decode(stderr));
    assert.equal(lines[0], "true true");
    assert.match(
      lines[1],
      /^cannot read .*config\.json: .*read access/,
      "files can be read no more",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
