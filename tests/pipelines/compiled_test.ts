import assert from "node:assert/strict";
import { checkingDawn } from "../dawn.ts";
import { SWIFTSHADER } from "../browser/site.ts";
import { browserTest, complaintsOf } from "../web/browser.ts";
import type { RecordedPipeline } from "./record.ts";
import { compileAll, recordedPipelines } from "./recorded.ts";

/** Pipelines that tests make at least: with fewer the record is not that of `test:webgpu`. */
const FEWEST = 60;

const folder = Deno.env.get("TEMPER_PIPELINES");
const pipelines = folder ? [...recordedPipelines(folder)] : [];

/** A barrier that not all threads come to, which Deno lets pass: it must be told. */
const BROKEN: RecordedPipeline = {
  label: "broken",
  code: `@compute @workgroup_size(2) fn broken(@builtin(local_invocation_index) thread: u32) {
    if (thread == 0u) {
      workgroupBarrier();
    }
  }`,
  entryPoint: "broken",
  constants: {},
  groups: [],
};
const all: [string, RecordedPipeline][] = [...pipelines, ["broken", BROKEN]];

function assertAllButBroken(failures: readonly string[]): void {
  assert.deepEqual(failures.filter((failure) => !failure.startsWith("broken: ")), []);
  assert.equal(failures.length, 1);
}

if (folder) {
  Deno.test(`many pipelines are recorded: ${pipelines.length}`, () => {
    assert.ok(pipelines.length >= FEWEST);
  });

  Deno.test("every recorded pipeline passes Dawn, with the limits that all adapters have", async () => {
    assertAllButBroken(await compileAll(await checkingDawn(), all));
  });

  browserTest(
    "every recorded pipeline compiles in Chromium, with the limits that all adapters have",
    async (browser) => {
      const page = await browser.newPage();
      const complaints = complaintsOf(page);
      const headers = { "content-type": "text/html" };
      const server = Deno.serve(
        { port: 0, hostname: "localhost", onListen() {} },
        () => new Response("<!doctype html><title>pipelines</title>", { headers }),
      );
      try {
        await page.goto(`http://localhost:${server.addr.port}/`);
        assertAllButBroken(await page.evaluate(`(${compileAll})(null, ${JSON.stringify(all)})`));
        assert.deepEqual(complaints.filter((text) => !text.includes("workgroupBarrier")), []);
      } finally {
        await server.shutdown();
      }
    },
    SWIFTSHADER,
  );
}
