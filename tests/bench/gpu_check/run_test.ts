import assert from "node:assert/strict";
import { join } from "node:path";
import type { GpuReport } from "../../../bench/gpu_check/report.ts";
import { runStages } from "../../../bench/gpu_check/run.ts";
import type { StageName } from "../../../bench/gpu_check/stages.ts";
import { withFolder } from "../../cli/temper.ts";
import { sampleReport } from "./sample_report.ts";

/** The facts of a card. */
const FACTS = JSON.stringify(sampleReport({}).stages.facts.result);

/**
 * Runs a kit whose stages are this script; `send` is there, and `name` is the stage's.
 *
 * @param facts JavaScript of the facts that are found
 */
async function run(
  script: string,
  options: { only: StageName[]; minutes?: number; signal?: AbortSignal },
  facts = FACTS,
): Promise<{ report: GpuReport; states: string[] }> {
  const states: string[] = [];
  const reports: GpuReport[] = [];
  await withFolder(async (folder) => {
    const head = `const [name] = Deno.args;
      const send = (message) => console.log("\\x1e" + JSON.stringify(message));
      if (name === "facts") {
        send({ result: ${facts} });
        send({ end: "done" });
        Deno.exit();
      }\n`;
    await Deno.writeTextFile(join(folder, "stage.js"), head + script);
    await Deno.writeTextFile(join(folder, "a_test.js"), `Deno.test("a", () => {});`);
    await Deno.writeTextFile(join(folder, "b_test.js"), `Deno.test("b", () => Deno.exit(7));`);
    reports.push(
      await runStages({
        ...{ temper: "1.2", folder, flags: ["--quiet", "-A", "--no-check", "--no-config"] },
        ...{ stage: "stage.js", tests: { kernels: ["a_test.js"], golden: ["b_test.js"] } },
      }, {
        ...{ minutes: 1, peakTflops: null, shape: null, signal: new AbortController().signal },
        ...options,
        onChange: (report) => JSON.stringify(report),
        onStage: ({ stages }, name) => states.push(`${name}: ${stages[name].state}`),
      }),
    );
  });
  return { report: reports[0], states };
}

Deno.test("a stage that crashes takes no other with it, and keeps what it had", async () => {
  const { report, states } = await run(
    `send({ result: { name } });
    if (name === "tuning") { console.error("driver: oh"); Deno.exit(7); }
    send(name === "verify" ? { end: "failed", note: "1, not 2" } : { end: "done" });`,
    { only: ["tuning", "kernels", "readback", "golden", "verify"] },
  );
  assert.deepEqual(states, [
    ...["facts: done", "tuning: failed", "kernels: done", "readback: done", "golden: failed"],
    "verify: failed",
  ]);
  const { tuning, kernels, golden, verify, products } = report.stages;
  assert.deepEqual([tuning.note, tuning.result], [
    "the process ended with code 7: driver: oh",
    { name: "tuning" },
  ]);
  assert.equal(kernels.result![0].passed, 1);
  assert.equal(golden.result![0].failed[0].name, "b");
  assert.equal(verify.note, "1, not 2");
  assert.deepEqual([products.state, products.note], ["skipped", "not asked for"]);
  assert.ok(report.ended);
});

Deno.test("a stage that hangs is cut short in its time; the next ones have theirs", async () => {
  const { report, states } = await run(
    `send({ result: 1 });
    if (name === "tuning") for (;;) {}
    send({ end: "done" });`,
    { only: ["tuning", "readback"], minutes: 0.3 },
  );
  assert.deepEqual(states, ["facts: done", "tuning: cut short", "readback: done"]);
  assert.equal(report.stages.tuning.result, 1);
  assert.ok(report.seconds < 18, `${report.seconds} s`);
});

/** Runs a body with a folder where drivers' libraries are looked for. */
async function withDriver(body: (folder: string) => Promise<void>): Promise<void> {
  const names = ["LD_LIBRARY_PATH", "VK_DRIVER_FILES"];
  const saved = names.map((name) => [name, Deno.env.get(name)] as const);
  try {
    await withFolder(async (folder) => {
      Deno.env.set("LD_LIBRARY_PATH", folder);
      Deno.env.delete("VK_DRIVER_FILES");
      await body(folder);
    });
  } finally {
    for (const [name, value] of saved) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

Deno.test("a GPU is found by NVIDIA's libraries where no file names them, also without X", async () => {
  await withDriver(async (folder) => {
    for (const name of ["libGLX_nvidia.so.0", "libEGL_nvidia.so.0"]) {
      await Deno.writeTextFile(join(folder, name), "");
    }
    const software = JSON.stringify(sampleReport({ software: true }).stages.facts.result);
    const { report } = await run(
      "",
      { only: ["facts"] },
      `(() => {
          const file = Deno.env.get("VK_DRIVER_FILES");
          const driver = file && JSON.parse(Deno.readTextFileSync(file)).ICD.library_path;
          const hasFolder = Deno.env.get("LD_LIBRARY_PATH").startsWith(${JSON.stringify(folder)});
          const finds = hasFolder && driver === ${
        JSON.stringify(join(folder, "libEGL_nvidia.so.0"))
      };
          return finds ? ${FACTS} : ${software};
        })()`,
    );
    assert.equal(report.stages.facts.result!.machine.adapter!.software, false);
    assert.match(report.environment.VK_DRIVER_FILES, /\/libEGL_nvidia\.so\.0\.json$/);
  });
});

Deno.test("drivers that hang take no more than the time to look for them, and a little", async () => {
  await withDriver(async (folder) => {
    await Deno.writeTextFile(join(folder, "libEGL_nvidia.so.0"), "");
    const hangs = "(() => { for (;;) {} })()";
    const { report, states } = await run("", { only: ["facts"], minutes: 0.1 }, hangs);
    assert.deepEqual(states, ["facts: cut short"]);
    // A tenth of a minute less the reserve, then 5 s for the library's driver.
    assert.ok(report.seconds < 15, `${report.seconds} s`);
  });
});

Deno.test("a run that is ended says so", async () => {
  const abort = new AbortController();
  abort.abort();
  const { report } = await run("", { only: ["readback"], signal: abort.signal });
  assert.deepEqual([report.ended, report.stages.readback.state], [false, "waiting"]);
});
