import { kernelTimes } from "../device/profile.ts";
import { renderTable } from "./table.ts";
import { terminal } from "./terminal.ts";

/** Writes what `--profile` measured, if anything, to standard error, in no program's way. */
export function printProfile(): void {
  const times = kernelTimes.table();
  // Before the terminal is looked at, for which there may be no permission.
  if (times.length === 0) return;
  const total = times.reduce((sum, { seconds }) => sum + seconds, 0);
  const out = terminal("stderr");
  kernelTimes.clear();
  const right = "right" as const;
  const table = renderTable(
    [
      { header: "kernel" },
      { header: "launches", align: right },
      { header: "seconds", align: right },
      { header: "share", align: right },
      { header: "µs each", align: right },
    ],
    times.map(({ kernel, launches, seconds }) => [
      kernel,
      String(launches),
      seconds.toFixed(3),
      `${(100 * seconds / total).toFixed(1)}%`,
      (1e6 * seconds / launches).toFixed(1),
    ]),
    { width: out.width },
  );
  out.write(`\n${table}\n${total.toFixed(3)} s in kernels\n`);
}
