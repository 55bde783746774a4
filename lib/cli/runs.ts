import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { choice, string } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { UserError } from "../errors.ts";
import type { BrokenRun, RunRecord } from "../runs/commands/history.ts";
import { visibleLine } from "../visible_text.ts";
import { drawChart } from "./chart.ts";
import {
  COMMAND_USAGE,
  examples,
  helpOfCommands,
  jsonOption,
  preset,
  usageLine,
} from "./options.ts";
import { spellForCommand } from "./present.ts";
import { formatDuration } from "./progress.ts";
import { renderTable } from "./table.ts";
import { displayWidth } from "./text_layout.ts";
import { print, printData, terminal } from "./terminal.ts";

const CHART_HEIGHT = 6;

const runArgument = () =>
  argument(path({ metavar: "RUN", type: "directory" }), { description: message`Folder of a run` });

const listCommand = command(
  "list",
  object({
    command: constant("runs list"),
    folder: preset(
      argument(path({ metavar: "FOLDER" }), { description: message`Folder of the runs` }),
      "runs",
    ),
    named: optional(
      option("--folder", path({ metavar: "DIR" }), { description: message`The same as FOLDER` }),
    ),
    json: jsonOption(),
  }),
  {
    brief: message`List runs with their main numbers.`,
    footer: examples(["All runs", "temper runs list"], ["Elsewhere", "temper runs list folder"]),
    usageLine: usageLine("[FOLDER]"),
  },
);

const showCommand = command(
  "show",
  object({
    command: constant("runs show"),
    run: runArgument(),
    metric: multiple(option("--metric", string({ metavar: "NAME" }), {
      description: message`Metric to draw; repeatable`,
    })),
    json: jsonOption(),
  }),
  {
    brief: message`Show a run's numbers, and its curves in the terminal.`,
    footer: examples(["A run's curves", "temper runs show runs/first"]),
    usageLine: usageLine("RUN"),
  },
);

const compareRunsCommand = command(
  "compare",
  object({
    command: constant("runs compare"),
    runs: multiple(runArgument(), {
      min: 2,
      errors: { tooFew: message`too few runs: give the folders of at least two` },
    }),
    json: jsonOption(),
  }),
  {
    brief: message`Compare runs, and the settings in which they differ.`,
    footer: examples(["Two runs", "temper runs compare runs/first runs/second"]),
    usageLine: usageLine("RUN", "RUN..."),
  },
);

const exportCommand = command(
  "export",
  object({
    command: constant("runs export"),
    run: runArgument(),
    format: preset(
      option("--format", choice(["csv", "tensorboard"], { metavar: "csv|tensorboard" }), {
        description: message`Output format: a CSV table, or an event file for TensorBoard`,
      }),
      "csv",
    ),
    output: optional(option("--output", path({ metavar: "PATH" }), {
      description:
        message`CSV file (default: standard output), or TensorBoard folder (default: tensorboard/ in the run)`,
    })),
  }),
  {
    brief: message`Export a run's metrics as CSV or for TensorBoard.`,
    footer: examples(
      ["For a spreadsheet", "temper runs export runs/first > first.csv"],
      ["For TensorBoard", "temper runs export runs/first --format tensorboard"],
    ),
    usageLine: usageLine("RUN"),
  },
);

const deleteCommand = command(
  "delete",
  object({
    command: constant("runs delete"),
    runs: multiple(runArgument(), {
      min: 1,
      errors: { tooFew: message`no run given: give the folders of the runs to delete` },
    }),
    yes: option("--yes", {
      description: message`Delete without asking; needed where there is no terminal`,
    }),
  }),
  {
    brief: message`Delete runs.`,
    footer: examples(["One run", "temper runs delete runs/first"]),
    usageLine: usageLine("RUN..."),
  },
);

/** `temper runs` */
export const runsCommand = command(
  "runs",
  or(listCommand, showCommand, compareRunsCommand, exportCommand, deleteCommand, {
    errors: { noMatch: message`no command given: use runs list, show, compare, export or delete` },
  }),
  {
    brief: message`List, show, compare, export and delete runs.`,
    footer: helpOfCommands("runs list"),
    usageLine: COMMAND_USAGE,
  },
);

/** Prints the table of runs. */
export async function runRunsList(
  { folder: place, named, json }: InferValue<typeof listCommand>,
): Promise<void> {
  const folder = named ?? place;
  const { listRuns } = await import("../runs/commands/history.ts");
  const runs = await listRuns(folder);
  const entries = runs.map((run) => run.status === "broken" ? run : headline(run));
  if (json) return print(JSON.stringify(entries, null, 2));
  if (runs.length === 0) return print(`there are no runs in ${visibleLine(folder)}`);
  printRuns(runs);
}

/** Prints a run's numbers and curves. */
export async function runRunsShow(
  { run: path, metric, json }: InferValue<typeof showCommand>,
): Promise<void> {
  const { readRun } = await import("../runs/commands/history.ts");
  const { checkMetrics } = await import("../runs/folder/export.ts");
  const run = await readRun(path);
  if (json) return print(JSON.stringify({ ...headline(run), metrics: run.metrics }, null, 2));
  printRuns([run]);
  if (run.failure) print(`failed: ${visibleLine(spellForCommand(run.failure.message, run.kind))}`);
  checkMetrics(run.metrics, metric);
  const width = Math.min(100, terminal("stdout").width);
  for (const name of metric.length > 0 ? metric : run.kind.curves) {
    const values = run.metrics.map(({ [name]: value }) => typeof value === "number" ? value : NaN);
    print("\n" + drawChart(name, values, { width, height: CHART_HEIGHT }));
  }
}

/** Prints runs side by side. */
export async function runRunsCompare(
  { runs: paths, json }: InferValue<typeof compareRunsCommand>,
): Promise<void> {
  const { differingSettings, readRun } = await import("../runs/commands/history.ts");
  const runs = await Promise.all(paths.map(readRun));
  const settings = differingSettings(runs);
  if (json) return print(JSON.stringify({ runs: runs.map(headline), settings }, null, 2));
  printRuns(runs);
  const columns = ["setting", ...runs.map(({ name }) => name)];
  const rows = Object.entries(settings).map(([name, values]) => [
    name,
    ...values.map((value) => typeof value === "string" ? value : JSON.stringify(value) ?? ""),
  ]);
  print("");
  print(
    rows.length === 0
      ? "all settings are the same"
      : renderTable(columns.map((header) => ({ header, flexible: true })), rows, {
        width: terminal("stdout").width,
        maxLines: 2,
      }),
  );
}

/** Writes or prints a run's metrics. */
export async function runRunsExport(
  { run: path, format, output }: InferValue<typeof exportCommand>,
): Promise<void> {
  const { readRun } = await import("../runs/commands/history.ts");
  const { metricsToCsv, writeEvents } = await import("../runs/folder/export.ts");
  const { metrics } = await readRun(path);
  if (format === "tensorboard") {
    const { runInUse, RunLock } = await import("../runs/folder/lock.ts");
    // A process that trains has an event file open in the run's own folder.
    if (output === undefined && RunLock.isHeld(path)) throw runInUse(path);
    const folder = output ?? `${path}/tensorboard`;
    using _ = await writeEvents(folder, metrics);
    const shown = visibleLine(folder);
    return print(`${shown}: tensorboard --logdir ${shown}`);
  }
  const csv = metricsToCsv(metrics);
  if (output === undefined) return printData(csv);
  const { writeFileAtomic } = await import("../platform/atomic_write.ts");
  await writeFileAtomic(output, csv);
}

/** Deletes runs. */
export async function runRunsDelete(
  { runs, yes }: InferValue<typeof deleteCommand>,
): Promise<void> {
  if (!yes && !(Deno.stdin.isTerminal() && terminal("stdout").interactive)) {
    throw new UserError(
      "runs delete asks before it deletes, and there is no terminal to ask at: give --yes to delete " +
        "without asking",
      { exitCode: 2 },
    );
  }
  const { deleteRun } = await import("../runs/commands/history.ts");
  for (const run of runs) {
    if (!yes && !confirm(`delete ${visibleLine(run)}?`)) {
      print(`kept ${visibleLine(run)}`);
      continue;
    }
    await deleteRun(run);
    print(`deleted ${visibleLine(run)}`);
  }
}

/** Headline numbers of a run, for programs. */
function headline({ kind, config, metrics, changes, ...run }: RunRecord) {
  const last = metrics.at(-1);
  return {
    name: run.name,
    path: run.path,
    kind: kind.kind,
    status: run.status,
    steps: last?.step ?? 0,
    totalSteps: run.totalSteps,
    model: config.model ?? null,
    ...Object.fromEntries(
      kind.headline.map(({ metric, label }) => [label.toLowerCase(), last?.[metric] ?? null]),
    ),
    changes: Object.fromEntries(
      changes.map(({ label, before, after }) => [label, { before, after }]),
    ),
    seconds: run.seconds,
    failure: run.failure,
  };
}

function printRuns(runs: readonly (RunRecord | BrokenRun)[]): void {
  const read = runs.filter((run) => run.status !== "broken");
  const kinds = [...new Set(read.map(({ kind }) => kind))];
  const whole = tableOfRuns(runs, Infinity);
  const fits = Math.max(...whole.split("\n").map(displayWidth)) <= terminal("stdout").width;
  if (fits || kinds.length < 2) print(tableOfRuns(runs));
  else {
    // Each kind has numbers of its own: one table has a column for each of them.
    const groups = kinds.map((kind) => read.filter((run) => run.kind === kind));
    const broken = runs.filter((run) => run.status === "broken");
    print(
      [...groups, broken].filter((group) => group.length > 0).map((group) => tableOfRuns(group))
        .join("\n\n"),
    );
  }
  for (const run of runs) {
    if (run.status === "broken") print(`\n${visibleLine(`${run.name}: ${run.reason}`)}`);
  }
}

/** Table of runs with the headline numbers of their kinds. */
function tableOfRuns(
  runs: readonly (RunRecord | BrokenRun)[],
  width: number = terminal("stdout").width,
): string {
  const read = runs.filter((run) => run.status !== "broken");
  const labels = [
    ...new Set(read.flatMap(({ kind }) => kind.headline.map(({ label }) => label))),
  ];
  const number = (value: unknown) => typeof value === "number" ? value.toFixed(3) : "";
  const numbers = ({ kind, metrics, totalSteps, changes, seconds }: RunRecord) => {
    const last = metrics.at(-1);
    const metricOf = (label: string) => kind.headline.find((each) => each.label === label)?.metric;
    const [change] = changes;
    return [
      kind.kind,
      `${last?.step ?? 0}/${totalSteps ?? "?"}`,
      ...labels.map((label) => number(last?.[metricOf(label) ?? ""])),
      change ? `${change.label} ${number(change.before)} → ${number(change.after)}` : "",
      seconds === null ? "" : formatDuration(seconds),
    ];
  };
  const columns = read.length > 0 ? ["kind", "steps", ...labels, "before → after", "time"] : [];
  const rows = runs.map((run) => [
    run.name,
    run.status,
    ...(run.status === "broken" ? columns.map(() => "") : numbers(run)),
  ]);
  // Names are whole: they are typed for other commands.
  return renderTable(
    [
      { header: "run", flexible: true },
      { header: "status" },
      ...columns.map((header) =>
        header === "kind" ? { header } : { header, align: "right" as const }
      ),
    ],
    rows,
    { width },
  );
}
