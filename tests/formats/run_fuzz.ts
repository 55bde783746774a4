/**
 * Fuzzing of the readers of files: each is given mutated files, and must read or refuse them.
 *
 *     deno task fuzz [files for each reader, default 100000] [seed, default 1]
 */
import { fuzzReaders } from "./fuzz.ts";

/** Seconds without a new file after which the reader hangs, however busy the machine is. */
const HANGS_AFTER = 120;

// A reader that never returns gives this thread no time to notice it: another one watches.
const watchdog = new Worker(
  "data:text/javascript," + encodeURIComponent(`
    let timer;
    self.onmessage = ({ data: [reader, file, seconds] }) => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        console.error(reader + " hangs: the file is in " + file);
        // Exiting here would end this thread alone.
        Deno.kill(Deno.pid, "SIGKILL");
      }, seconds * 1000);
    };
  `),
  { type: "module" },
);
const progress = (reader: string, file: string) =>
  watchdog.postMessage([reader, file, HANGS_AFTER]);

const [count, seed] = Deno.args.map(Number);
for await (
  const { reader, files, refused, peakBytes } of fuzzReaders(count || 100_000, seed || 1, progress)
) {
  console.log(
    `${reader}: ${files} files, ${refused} refused, ${files - refused} read; ` +
      `memory at most ${(peakBytes / 2 ** 20).toFixed(0)} MiB above the start`,
  );
}
watchdog.terminate();
