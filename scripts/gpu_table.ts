/**
 * Makes the table of cards in docs/gpus-and-drivers.md from the results of `gpu-check` in bench/gpus.
 *
 * deno task gpu-table [--check]
 */
import { join } from "node:path";
import { FORMAT, type GpuReport } from "../bench/gpu_check/report.ts";
import { cardTable } from "../bench/gpu_check/table.ts";
import { formatted, writeOrCheck } from "./generated_files.ts";
import { listFiles, ROOT } from "./program.ts";

const PAGE = "docs/gpus-and-drivers.md";
const RESULTS = "bench/gpus";
const [BEGIN, END] = ["<!-- deno task gpu-table -->", "<!-- the table ends -->"];

/** The page with its table made anew. */
export async function pageWithTable(): Promise<string> {
  const reports: GpuReport[] = [];
  for (const [name] of await listFiles(join(ROOT, RESULTS))) {
    const report = JSON.parse(await Deno.readTextFile(join(ROOT, RESULTS, name)));
    if (report.format !== FORMAT) throw new Error(`${name} has format ${report.format}`);
    reports.push(report);
  }
  const page = await Deno.readTextFile(join(ROOT, PAGE));
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`${PAGE} has no place for the table`);
  return await formatted(`${before}${BEGIN}\n\n${cardTable(reports)}\n\n${END}${after}`, "md");
}

if (import.meta.main) await writeOrCheck({ [PAGE]: await pageWithTable() }, "gpu-table");
