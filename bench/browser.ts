/**
 * Measures a step of the PPO demo in a page, in headless Chromium, against the same step in Deno, one
 * after the other, several times: the fastest of each counts.
 *
 * deno run -A bench/browser.ts
 */
import { launchBrowser } from "../tests/web/browser.ts";
import { Site } from "../tests/browser/site.ts";
import { runKind } from "../lib/runs/kinds/registry.ts";
import { run } from "../lib/runs/loop/run.ts";

const ROUNDS = 3;
const SETTINGS = { steps: 4, evalSamples: 1, device: "wasm", datasetCache: false };

/** Seconds of each step in Deno. */
async function inDeno(): Promise<number[]> {
  const kind = runKind("ppo");
  const output = await Deno.makeTempDir();
  const seconds: number[] = [];
  try {
    await run(kind, kind.resolve({ ...SETTINGS, output }), {
      stepped: (_step, _stats, row) => void seconds.push(secondsOf(row)),
    });
  } finally {
    await Deno.remove(output, { recursive: true });
  }
  return seconds;
}

/** Time of generation, rewards and the update. */
function secondsOf(row: Readonly<Record<string, unknown>>): number {
  const { stepTimes } = runKind("ppo");
  return stepTimes.reduce((sum, name) => sum + Number(row[name]), 0);
}

const browser = await launchBrowser();
try {
  await using site = await Site.serve();
  const page = await browser.newPage();
  await site.show(page);
  const inPage = async () => {
    const rows = await page.evaluate(async (settings) => {
      const worker = await temper.TemperWorker.start();
      const rows: Record<string, unknown>[] = [];
      const on = { stepped: (event: { row: Record<string, unknown> }) => rows.push(event.row) };
      await worker.train("ppo", settings, { keep: false, on }).finished;
      worker.close();
      return rows;
    }, SETTINGS);
    return rows.map(secondsOf);
  };
  const best = { deno: Infinity, page: Infinity };
  for (let round = 0; round < ROUNDS; round++) {
    best.deno = Math.min(best.deno, ...await inDeno());
    best.page = Math.min(best.page, ...await inPage());
  }
  const milliseconds = (seconds: number) => `${(1000 * seconds).toFixed(0)} ms`;
  console.log(`a step of the PPO demo on ${navigator.hardwareConcurrency} threads`);
  console.log(`in Deno  ${milliseconds(best.deno)}`);
  console.log(`in a page ${milliseconds(best.page)}, ${(best.page / best.deno).toFixed(2)} ×`);
} finally {
  await browser.close();
}
