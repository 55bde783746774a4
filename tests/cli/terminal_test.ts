import assert from "node:assert/strict";
import { join } from "node:path";
import { drawChart } from "../../lib/cli/chart.ts";
import { downloadScreen } from "../../lib/cli/download_screen.ts";
import { Progress } from "../../lib/cli/progress.ts";
import { print, printData, printError, terminal } from "../../lib/cli/terminal.ts";
import { renderTable } from "../../lib/cli/table.ts";
import { stopSignals } from "../../lib/cli/signals.ts";
import { usageError } from "../../lib/cli/usage_error.ts";
import { RunLog } from "../../lib/runs/folder/run_log.ts";
import { call, withFolder } from "./temper.ts";

/** Clears the screen, sets the window's title, moves the cursor (C1), turns the text around. */
const HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b1A\x7f\u202e";
// deno-lint-ignore no-control-regex
const RAW = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

/** Calls a function, and returns what it wrote to a stream. */
function written(
  stream: "stdout" | "stderr",
  { isTerminal }: { isTerminal: boolean },
  body: () => void,
): string {
  const { writeSync, isTerminal: original } = Deno[stream];
  let text = "";
  Deno[stream].isTerminal = () => isTerminal;
  Deno[stream].writeSync = (bytes) => {
    text += new TextDecoder().decode(bytes);
    return bytes.length;
  };
  try {
    body();
  } finally {
    Object.assign(Deno[stream], { writeSync, isTerminal: original });
  }
  return text;
}

Deno.test("what people read is shown clean on every stream; a result only on a terminal", () => {
  for (const isTerminal of [true, false]) {
    const text = (body: () => void, stream: "stdout" | "stderr" = "stdout") =>
      written(stream, { isTerminal }, body);
    assert.match(text(() => print(HOSTILE)), /^␛\[2J␛\]0;owned␇\\u009b1A\\u007f\\u202e\n$/);
    assert.doesNotMatch(text(() => terminal("stdout").write(HOSTILE)), RAW);
    assert.doesNotMatch(text(() => printError(HOSTILE), "stderr"), RAW);
    const data = text(() => printData(HOSTILE));
    if (isTerminal) assert.doesNotMatch(data, RAW);
    else assert.equal(data, HOSTILE);
  }
});

Deno.test("the parser's colors are not taken for an escape from outside", () => {
  const colored = "Error: \x1b[3m--seed\x1b[0m cannot be used multiple times.";
  assert.equal(usageError(colored), "--seed is given more than once");
});

Deno.test("standard error that cannot be written hides no other error", () => {
  const { writeSync } = Deno.stderr;
  Deno.stderr.writeSync = () => {
    throw Object.assign(new Error("full"), { code: "ENOSPC" });
  };
  try {
    printError("a line");
  } finally {
    Deno.stderr.writeSync = writeSync;
  }
});

Deno.test("pieces from outside stay on their line beside the program's own escapes", () => {
  let text = "";
  const write = (part: string) => void (text += part);
  const out = { interactive: true, color: true, width: 200, write, draw: write };
  const progress = new Progress({ total: 2, terminal: out });
  progress.update({ step: 1, figures: { [`${HOSTILE}\n`]: 1 } });
  progress.log(HOSTILE);
  downloadScreen({ out }).downloading({ repo: `${HOSTILE}\n`, loaded: 1, total: 3 });
  // The program's own: the cleared line and colors.
  // deno-lint-ignore no-control-regex
  const foreign = text.replaceAll(/\r\x1b\[2K|\x1b\[\d+m/g, "");
  assert.ok(text.includes("\x1b[32m"));
  assert.doesNotMatch(foreign, RAW);
  assert.equal(foreign.split("\n").length, 2);
});

Deno.test("tables, charts and the log show what a terminal would obey", async () => {
  const table = renderTable([{ header: HOSTILE, flexible: true }], [[HOSTILE]], { width: 80 });
  assert.doesNotMatch(table, RAW);
  assert.match(table, /␛\[2J/);
  assert.doesNotMatch(drawChart(HOSTILE, [1, 2], { width: 40, height: 2 }), RAW);
  await withFolder(async (folder) => {
    const log = new RunLog();
    log.add(HOSTILE);
    log.open(join(folder, "log.txt"));
    assert.doesNotMatch(await Deno.readTextFile(join(folder, "log.txt")), RAW);
  });
});

Deno.test("names of runs, settings, metrics and failures reach the terminal clean", async () => {
  await withFolder(async (folder) => {
    const runs = ["a", "b"].map((name) => join(folder, `${name}${HOSTILE}\n`));
    for (const run of runs) {
      await Deno.mkdir(run);
      const config = { kind: "ppo", name: `${run}${HOSTILE}` };
      await Deno.writeTextFile(join(run, "config.json"), JSON.stringify(config));
      const row = { step: 1, [HOSTILE]: 1, "ppo/mean_scores": 1 };
      await Deno.writeTextFile(join(run, "metrics.jsonl"), JSON.stringify(row) + "\n");
      const failure = { kind: "UserError", message: HOSTILE, step: 1 };
      await Deno.writeTextFile(join(run, "failed.json"), JSON.stringify(failure));
    }
    await Deno.mkdir(join(folder, `broken${HOSTILE}`));
    await Deno.writeTextFile(join(folder, `broken${HOSTILE}`, "config.json"), `{${HOSTILE}`);
    const commands = [
      ["runs", "list", "--folder", folder],
      ["runs", "list", "--folder", folder, "--json"],
      ["runs", "show", runs[0], "--metric", HOSTILE],
      ["runs", "show", runs[0], "--metric", `${HOSTILE}?`],
      ["runs", "compare", ...runs],
      ["runs", "show", join(folder, `none${HOSTILE}`)],
      ["runs", `list${HOSTILE}`],
      [`--${HOSTILE}`],
      ["score", "--model", join(folder, HOSTILE), "a text"],
      ["train", "--config", join(folder, `${HOSTILE}.yaml`)],
    ];
    for (const command of commands) {
      const { stdout, stderr } = await call(command);
      assert.doesNotMatch(stdout + stderr, RAW, command.slice(0, 2).join(" "));
      assert.match(stdout + stderr, /␛\[2J|\\u001b\[2J/, command.slice(0, 2).join(" "));
    }
  });
});

Deno.test("everything is written through terminal.ts, and unchanged by those who draw alone", async () => {
  const folder = new URL("../../lib/cli/", import.meta.url);
  for await (const { name } of Deno.readDir(folder)) {
    const text = await Deno.readTextFile(new URL(name, folder));
    if (name === "terminal.ts") continue;
    assert.doesNotMatch(text, /\bconsole\.|\bDeno\.(stdout|stderr)\b/, name);
    if (["progress.ts", "download_screen.ts", "main.ts", "chat_place.ts"].includes(name)) continue;
    assert.doesNotMatch(text, /\.draw\(/, name);
  }
});

Deno.test("a process listens only to signals that its system has", () => {
  assert.deepEqual(stopSignals("windows"), ["SIGINT"]);
  assert.deepEqual(stopSignals("linux"), ["SIGINT", "SIGTERM"]);
});
