/**
 * Costs and savings of the dataset's cache: the prompts of a split tokenized without it, with an empty
 * one, and taken from it, for runs that need some of them and all of them. Times are the best of five
 * (of two for all rows): other work on the machine only adds to them.
 * `deno run -A bench/dataset_cache.ts [DATASET] [TOKENIZER]`
 */
import { type DatasetSplit, loadDataset } from "../lib/data/dataset.ts";
import { TokenCache } from "../lib/data/token_cache.ts";
import { Tokenizer } from "../lib/data/tokenizer.ts";
import { DEMO_DATASET, DEMO_MODEL, resolveAsset } from "../lib/runs/settings/demo.ts";

const [dataset = DEMO_DATASET, model = DEMO_MODEL] = Deno.args;
const path = await resolveAsset(dataset);
const tokenizer = await Tokenizer.load(await resolveAsset(model));
const REPEATS = 5;

/** Milliseconds that `body` takes. */
async function timed(body: () => void | Promise<void>): Promise<number> {
  const start = performance.now();
  await body();
  return performance.now() - start;
}

/** The train split, not tokenized yet. */
const train = async (cache: TokenCache | null): Promise<DatasetSplit> =>
  (await loadDataset(path, tokenizer, { cache })).split("train");

const first = await train(null);
let tokens = 0;
const whole = await timed(() => {
  for (let row = 0; row < first.length; row++) tokens += first.prompts.ids(row).length;
});
console.log(
  `${first.length} prompts, ${tokens} tokens, ${(whole / first.length).toFixed(2)} ms each`,
);
console.log("rows".padStart(8), "  without    empty    saving      full   file");
for (const rows of [16, 64, 384, first.length].filter((count) => count <= first.length)) {
  const times = {
    without: [] as number[],
    empty: [] as number[],
    save: [] as number[],
    full: [] as number[],
  };
  let bytes = 0;
  // A run draws rows from all over the split.
  const stride = Math.floor(first.length / rows);
  const use = ({ prompts }: DatasetSplit) => {
    for (let i = 0; i < rows; i++) prompts.ids(i * stride);
  };
  for (let repeat = 0; repeat < (rows < first.length ? REPEATS : 2); repeat++) {
    const folder = await Deno.makeTempDir();
    const without = await train(null);
    times.without.push(await timed(() => use(without)));
    const cache = new TokenCache({ folder });
    const empty = await train(cache);
    times.empty.push(await timed(() => use(empty)));
    times.save.push(await timed(() => cache.save()));
    const full = await train(new TokenCache({ folder }));
    times.full.push(await timed(() => use(full)));
    for (const { name } of Deno.readDirSync(folder)) {
      bytes = Deno.statSync(`${folder}/${name}`).size;
    }
    await Deno.remove(folder, { recursive: true });
  }
  const cells = Object.values(times).map((own) => `${Math.min(...own).toFixed(1)} ms`.padStart(10));
  console.log(`${rows}`.padStart(8), ...cells, `${(bytes / 1e6).toFixed(2)} MB`);
}
