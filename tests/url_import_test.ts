import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { filesOf, serveFiles, type StaticHost } from "../scripts/static_host.ts";
import { withFolder } from "./cli/temper.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Serves the checkout as a static server does, and notes what was asked for. */
function serveCheckout(): { host: StaticHost; asked: string[] } {
  const asked: string[] = [];
  const read = filesOf(ROOT);
  const host = serveFiles((path) => {
    asked.push(path);
    return read(path);
  });
  return { host, asked };
}

const SCRIPT = `
import * as temper from "BASE/mod.ts";
const device = await temper.openDevice({ device: "wasm", threads: 2 });
const folder = await temper.resolveAsset(temper.DEMO_MODEL);
const model = await temper.loadLanguageModel(device, folder);
const tokenizer = await temper.Tokenizer.load(folder);
const [{ tokens }] = await temper.generate(model, [tokenizer.encode("How was it?")], { maxNewTokens: 4 }, {});
console.log(device.threads, tokens.length > 0);
device.close();
`;

Deno.test("mod.ts works from a URL, without a checkout, and fetches only what is used", async () => {
  const { host: checkout, asked } = serveCheckout();
  const { origin: base, host } = new URL(checkout.address);
  try {
    await withFolder(async (folder) => {
      // A cache of Deno's own, with the npm packages that are on this machine.
      const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
      const { npmCache } = JSON.parse(new TextDecoder().decode(info.stdout));
      await Deno.mkdir(join(folder, "deno"));
      await Deno.symlink(npmCache, join(folder, "deno/npm"));
      await Deno.writeTextFile(join(folder, "script.ts"), SCRIPT.replace("BASE", base));

      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--no-prompt", "--allow-env", "--allow-sys=homedir"],
          ...[`--allow-import=${host}`, `--allow-net=${host}`],
          ...[`--allow-read=${folder}`, `--allow-write=${folder}`, "script.ts"],
        ],
        cwd: folder,
        env: {
          DENO_DIR: join(folder, "deno"),
          XDG_CACHE_HOME: join(folder, "cache"),
          NO_COLOR: "1",
        },
      }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      assert.equal(new TextDecoder().decode(stdout), "2 true\n");
    });
  } finally {
    await checkout[Symbol.asyncDispose]();
  }
  const times = (path: string) => asked.filter((one) => one === path).length;
  assert.equal(times("lib/device/wasm/kernels.wasm"), 1);
  assert.equal(times("demo/tiny-flan-t5/model.safetensors"), 1);
  const unused = asked.filter((path) =>
    /^(web|bench|lib\/cli|demo\/(dialogues|tiny-roberta))/.test(path) ||
    /^lib\/packages\/(hub|onnxruntime|parquet|nats)/.test(path)
  );
  assert.deepEqual(unused, []);
});
