/**
 * Costs of the site: the first page with 1,000 runs, a run of 10,000 steps, bytes over the wire, and
 * the processor time that it takes from a training process while a page is open.
 * `deno run -A bench/site.ts`
 */
import { join } from "node:path";
import { get } from "node:http";
import process from "node:process";
import { metricsRow, sampleRows, writeSampleRun } from "../scripts/sample_run.ts";
import { serveUi } from "../web/server.ts";

const RUNS = 1000;
const STEPS = 10_000;
const REPEATS = 10;
/** Milliseconds after which the site takes files as being at rest, and some. */
const AT_REST_MS = 4000;
/** Seconds for which a page is kept open, and between two steps of the run that it shows. */
const [OPEN, STEP] = [20, 1];

/** Bytes of an answer as they are on the wire, and the text for those that came as they are. */
function ask(address: string, encoding: string): Promise<{ bytes: number; text: string }> {
  return new Promise((resolve, reject) => {
    get(address, { headers: { "accept-encoding": encoding } }, async (answer) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of answer) chunks.push(chunk);
      const body = new Blob(chunks as BlobPart[]);
      resolve({ bytes: body.size, text: encoding === "identity" ? await body.text() : "" });
    }).on("error", reject);
  });
}

/** Milliseconds that a request takes, and those of the processor: of both of its ends. */
async function measure(address: string): Promise<{ wall: number; processor: number }> {
  const began = performance.now();
  const before = process.cpuUsage();
  await (await fetch(address)).arrayBuffer();
  const { user, system } = process.cpuUsage(before);
  return { wall: performance.now() - began, processor: (user + system) / 1000 };
}

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

const folder = await Deno.makeTempDir({ prefix: "temper-site-" });
for (let i = 0; i < RUNS; i++) writeSampleRun(folder, `run-${i}`, { step: 20, steps: 20 });
const long = writeSampleRun(folder, "long", { step: STEPS, steps: 2 * STEPS, finished: false });
// Files that were written just now are looked at again and again: not those of runs that are over.
await new Promise((resolve) => setTimeout(resolve, AT_REST_MS));
const server = serveUi({ runs: folder, host: "127.0.0.1", port: 0 });
try {
  const pages = {
    "the runs": "",
    "the runs by reward": "?sort=reward",
    "the long run": "runs/long",
    "its curves": "api/runs/long/series",
    "its samples": "runs/long/samples",
    "its samples, a search": "runs/long/samples?search=gym&sort=reward",
    "a comparison": "compare?run=run-1&run=run-2",
  };
  console.log(`${RUNS} runs, one of ${STEPS} steps. First time; then the median of ${REPEATS}:`);
  for (const [name, path] of Object.entries(pages)) {
    const first = await measure(server.address + path);
    const later: { wall: number; processor: number }[] = [];
    for (let i = 0; i < REPEATS; i++) later.push(await measure(server.address + path));
    const medians = (["wall", "processor"] as const).map((kind) =>
      median(later.map((times) => times[kind])).toFixed(1)
    );
    console.log(
      `${name}: ${first.wall.toFixed(0)} ms (processor ${first.processor.toFixed(0)}); ` +
        `${medians[0]} ms (processor ${medians[1]})`,
    );
  }

  const { text } = await ask(server.address, "identity");
  const parts = ["", ...new Set(text.match(/static\/[\w.]+(\?v=\w+)?/g))];
  const sizes = await Promise.all(parts.map((path) => ask(server.address + path, "gzip")));
  const sum = sizes.reduce((total, { bytes }) => total + bytes, 0);
  console.log(`the first page and all that it loads, compressed: ${(sum / 1000).toFixed(1)} kB`);

  const reader = (await fetch(`${server.address}api/runs/long/events?after=${STEPS}`)).body!;
  const reading = reader.pipeTo(new WritableStream()).catch(() => {});
  const before = process.cpuUsage();
  const began = performance.now();
  for (let step = STEPS + 1; performance.now() - began < OPEN * 1000; step++) {
    const lines = (rows: object[]) => rows.map((row) => JSON.stringify(row) + "\n").join("");
    Deno.writeTextFileSync(join(long, "metrics.jsonl"), lines([metricsRow(step)]), {
      append: true,
    });
    Deno.writeTextFileSync(join(long, "samples.jsonl"), lines(sampleRows(step)), { append: true });
    await new Promise((resolve) => setTimeout(resolve, STEP * 1000));
  }
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / 1000 / (performance.now() - began);
  console.log(
    `an open page of the long run, a step every ${STEP} s, the reader and the writer included: ` +
      `${(share * 100).toFixed(2)} % of a core`,
  );
  await server.close();
  await reading;
} finally {
  await Deno.remove(folder, { recursive: true });
}
