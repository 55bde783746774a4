import assert from "node:assert/strict";
import { join } from "node:path";
import { createApp } from "../../web/app.tsx";
import { limitedRequests } from "../../web/limits.ts";
import type { AccessRules } from "../../web/security.ts";
import { serveUi } from "../../web/server.ts";
import { forbiddenSource } from "../../web/store/allowed_sources.ts";
import { Site } from "../../web/store/site.ts";
import { Hono } from "hono";
import { withTempDir } from "../temp_dir.ts";
import {
  type SampleRun,
  writeGroupRun,
  writePairRun,
  writeSampleRun,
  writeSftRun,
} from "../../scripts/sample_run.ts";

const LOCAL: AccessRules = { host: "127.0.0.1", token: null };

/** Pages and data of a run. */
const PAGES = ["", "/samples", "/comparison", "/settings", "/try"];

/** Files of a run that a sample has none of. */
const OTHER_FILES = {
  "environment.json": [{ started: "now", step: 0, device: { description: "CPU" }, command: ["a"] }],
  "failed.json": { kind: "UserError", message: "m", step: 3 },
  "toxicity_before.json": { mean: 1, std: 1, count: 2, interval: [0, 1] },
};

/** The site of a folder as a function that gives a page's status. */
function statusOf(folder: string, access: AccessRules = LOCAL) {
  const app = createApp(new Site(folder, new AbortController().signal), access);
  return async (path: string, init: RequestInit = {}) => {
    const response = await app.request(`http://127.0.0.1:8642${path}`, {
      ...init,
      headers: { host: "127.0.0.1:8642", ...init.headers },
    });
    await response.body?.cancel();
    return response.status;
  };
}

Deno.test("a body without end is read as far as the limit, and no further", async () => {
  await withTempDir(async (dir) => {
    const status = statusOf(dir, { host: "0.0.0.0", token: "secret" });
    let pieces = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pieces++;
        controller.enqueue(new Uint8Array(16 * 1024));
      },
    });
    assert.equal(await status("/token", { method: "POST", body }), 413);
    assert.ok(pieces < 10, `${pieces} pieces read`);
    for (const headers of [{ "content-length": "700000000" }] as Record<string, string>[]) {
      assert.equal(await status("/token", { method: "POST", body: "x", headers }), 413);
    }
    const form = new URLSearchParams({ token: "secret" });
    assert.equal(await status("/token", { method: "POST", body: form }), 303);
  });
});

Deno.test("a body that does not come is not waited for", async () => {
  const app = new Hono().use(limitedRequests({ bodyMilliseconds: 50 }))
    .post("/", async (context) => context.text(await context.req.text()));
  const slow = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(1)),
  });
  assert.equal((await app.request("/", { method: "POST", body: slow })).status, 408);
  const answer = await app.request("/", { method: "POST", body: "text" });
  assert.equal(await answer.text(), "text");
});

Deno.test("addresses and headers have a limit", async () => {
  await withTempDir(async (dir) => {
    const status = statusOf(dir);
    assert.equal(await status(`/?search=${"a".repeat(10_000)}`), 414);
    assert.equal(await status(`/${"a".repeat(10_000)}`), 414);
    assert.equal(await status("/", { headers: { "x-long": "a".repeat(40_000) } }), 431);
    assert.equal(await status(`/?search=${"a".repeat(1000)}`), 200);
  });
});

Deno.test("a served site answers a large upload while it is still arriving", async () => {
  await withTempDir(async (dir) => {
    const server = serveUi({ runs: dir, host: "127.0.0.1", port: 0 });
    try {
      const { port } = new URL(server.address);
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
      await connection.write(new TextEncoder().encode(
        `POST /token HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-length: 700000000\r\n\r\n`,
      ));
      const answer = new Uint8Array(64);
      await connection.read(answer);
      assert.match(new TextDecoder().decode(answer), /^HTTP\/1\.1 413 /);
    } finally {
      await server.close();
    }
  });
});

Deno.test({
  name: "pipes in place of a run's files are passed over",
  ignore: Deno.build.os === "windows",
  async fn() {
    await withTempDir(async (dir) => {
      for (const [kind, write] of [["ppo", writeSampleRun], ["sft", writeSftRun]] as const) {
        const run = write(dir, kind);
        const files = [...Deno.readDirSync(run)].map(({ name }) => name);
        for (const file of [...files, ".lock", "environment.json", "failed.json"]) {
          const name = `${kind}-${file.replaceAll(".", "")}`;
          const path = join(write(dir, name), file);
          await Deno.remove(path).catch(() => {});
          await new Deno.Command("mkfifo", { args: [path] }).output();
        }
      }
      const status = statusOf(dir);
      assert.equal(await status("/"), 200);
      for (const { name } of Deno.readDirSync(dir)) {
        for (const page of PAGES) {
          const found = await status(`/runs/${name}${page}`);
          assert.ok(found < 500, `${name}${page}: ${found}`);
        }
      }
    });
  },
});

/** Runs whose every value is replaced, by their kinds. */
const KINDS: [string, (dir: string, name: string, run?: SampleRun) => string][] = [
  ["ppo", writeSampleRun],
  ["sft", writeSftRun],
  ["grpo", writeGroupRun],
  ["dpo", (dir, name) => writePairRun(dir, name)],
  ["reward", (dir, name) => writePairRun(dir, name, "reward")],
];

Deno.test("null or a text in place of any value is no server error", async () => {
  const odd = [null, "x"];
  for (const value of odd) {
    await withTempDir(async (dir) => {
      for (const [kind, write] of KINDS) {
        const run = write(dir, kind, {
          config: { kind, name: "n", steps: 10, reward: ["demo/r"] },
        });
        for (const [file, value] of Object.entries(OTHER_FILES)) {
          Deno.writeTextFileSync(join(run, file), JSON.stringify(value));
        }
        for (const { name: file } of [...Deno.readDirSync(run)]) {
          if (!/\.jsonl?$/.test(file)) continue;
          const text = Deno.readTextFileSync(join(run, file));
          const lines = file.endsWith("l") ? text.trim().split("\n") : [text];
          for (const path of pathsOf(JSON.parse(lines[0]))) {
            const name = `${kind}-${file}-${path.join("-")}`.replaceAll(/[^\w-]/g, "_");
            const changed = lines.map((line) =>
              JSON.stringify(withValue(JSON.parse(line), path, value))
            );
            Deno.writeTextFileSync(join(write(dir, name), file), changed.join("\n") + "\n");
          }
        }
      }
      const status = statusOf(dir);
      const names = [...Deno.readDirSync(dir)].map(({ name }) => name);
      const pages = names.flatMap((name) => [
        ...PAGES.map((page) => `/runs/${name}${page}`),
        ...["series", "events"].map((page) => `/api/runs/${name}/${page}`),
        `/compare?run=ppo&run=${name}`,
      ]);
      const broken: string[] = [];
      const { error } = console;
      console.error = () => {};
      try {
        for (const page of ["/", ...pages]) if (await status(page) >= 500) broken.push(page);
      } finally {
        console.error = error;
      }
      assert.deepEqual(broken, [], JSON.stringify(value));
    });
  }
});

Deno.test("a run's reward that runs code is refused unless the site's command line names it", async () => {
  const config = (reward: string[]) => ({ reward, model: "demo/tiny-flan-t5" });
  const refusedOf = (reward: string, allowed: string[] = []) =>
    forbiddenSource(config(["demo/tiny-roberta-toxicity", reward]), { reward: allowed });
  for (const reward of ["runs/f/r.ts", "/r.js", "r.mts", "pipeline:demo/x"]) {
    assert.equal(
      refusedOf(reward),
      `The run's reward ${reward} runs code, which this site does only when its own command line names ` +
        `it. If you trust it, start the site with --reward ${reward}.`,
    );
    assert.equal(refusedOf(reward, [reward]), null);
  }
  assert.equal(refusedOf("runs/f/r.ts", ["./runs/f/r.ts"]), null);
  assert.notEqual(refusedOf("pipeline:demo/x", ["demo/x"]), null);
  for (const odd of [5, null, [5], {}]) {
    assert.equal(forbiddenSource({ model: odd, reward: odd }, {}), null);
  }

  await withTempDir(async (dir) => {
    const run = writeSampleRun(dir, "f", { config: { reward: [join(dir, "f", "r.ts")] } });
    Deno.writeTextFileSync(
      join(run, "r.ts"),
      `Deno.writeTextFileSync(${
        JSON.stringify(join(dir, "pwned"))
      }, "");\nexport default () => [0];`,
    );
    Deno.mkdirSync(join(run, "adapter"));
    Deno.writeTextFileSync(join(run, "adapter", "adapter_model.safetensors"), "");
    const app = createApp(new Site(dir, new AbortController().signal), LOCAL);
    const headers = { host: "127.0.0.1" };
    const page = await app.request("http://127.0.0.1/runs/f/try", { headers });
    assert.match(await page.text(), /runs code, which this site does only when/);
    const answer = await app.request("http://127.0.0.1/api/runs/f/try", {
      ...{ method: "POST", headers, body: JSON.stringify({ text: "hi" }) },
    });
    assert.equal(answer.status, 409);
    assert.match(await answer.text(), /r\.ts runs code/);
    assert.throws(() => Deno.statSync(join(dir, "pwned")), Deno.errors.NotFound);
  });
});

/** Paths of all values in a JSON object, the object itself left out. */
function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    [...path, key],
    ...pathsOf(inner, [...path, key]),
  ]);
}

/** A copy with another value in a place. */
function withValue(root: unknown, [key, ...rest]: string[], value: unknown): unknown {
  const copy = structuredClone(root) as Record<string, unknown>;
  if (typeof copy !== "object" || copy === null) return copy;
  copy[key] = rest.length === 0 ? value : withValue(copy[key], rest, value);
  return copy;
}
