/**
 * Cost of starting the packed executable: unpacking it when it is first run, and `--version` and
 * `--help` from then on, medians of ten. `deno task pack && deno run -A bench/startup.ts`
 */
import { join } from "node:path";
import settings from "../deno.json" with { type: "json" };
import { ROOT } from "../scripts/program.ts";

const REPEATS = 10;
const file = join(ROOT, `dist/temper-${settings.version}-${Deno.build.target}`);
const cache = await Deno.makeTempDir({ prefix: "temper-startup-" });

async function seconds(...args: string[]): Promise<number> {
  const began = performance.now();
  const { success, stderr } = await new Deno.Command(file, {
    args,
    env: { XDG_CACHE_HOME: cache },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return (performance.now() - began) / 1000;
}

try {
  console.log(`first start, unpacking: ${(await seconds("--version")).toFixed(2)} s`);
  for (const args of [["--version"], ["--help"], ["permissions", "train"]]) {
    const times: number[] = [];
    for (let i = 0; i < REPEATS; i++) times.push(await seconds(...args));
    times.sort((a, b) => a - b);
    const median = (times[REPEATS / 2 - 1] + times[REPEATS / 2]) / 2;
    const range = [times[0], times[REPEATS - 1]].map((time) => time.toFixed(2)).join(" to ");
    console.log(`${args.join(" ")}: ${median.toFixed(2)} s (${range})`);
  }
} finally {
  await Deno.remove(cache, { recursive: true });
}
