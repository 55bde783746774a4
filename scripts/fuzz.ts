/**
 * Fuzzing of the readers of files: each is given mutated files, and must read or refuse them.
 *
 *     deno task fuzz [files for each reader, default 100000] [seed, default 1]
 */
import { fuzzReaders } from "../tests/formats/fuzz.ts";

const [count, seed] = Deno.args.map(Number);
for await (
  const { reader, files, refused, peakBytes } of fuzzReaders(count || 100_000, seed || 1)
) {
  console.log(
    `${reader}: ${files} files, ${refused} refused, ${files - refused} read; ` +
      `memory at most ${(peakBytes / 2 ** 20).toFixed(0)} MiB above the start`,
  );
}
