import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import settings from "../../deno.json" with { type: "json" };
import { withTempDir } from "../temp_dir.ts";
import { call, temper } from "./temper.ts";

Deno.test("--version is the one of deno.json", async () => {
  assert.deepEqual(await temper(["--version"]), {
    code: 0,
    stdout: `${settings.version}\n`,
    stderr: "",
  });
});

Deno.test("--help lists the commands, and no line is wider than the terminal", async () => {
  const { code, stdout } = await call(["--help"]);
  assert.equal(code, 0);
  for (
    const name of [
      "train",
      "evaluate",
      "compare",
      "generate",
      "score",
      "download",
      "params",
      "merge",
      "bench",
    ]
  ) {
    assert.match(stdout, new RegExp(`^ +${name} `, "m"));
  }
  for (const line of stdout.split("\n")) assert.ok(line.length <= 100, line);
});

for (
  const name of [
    "train",
    "evaluate",
    "compare",
    "generate",
    "score",
    "download",
    "params",
    "bench ppo",
    "bench step",
    "bench matmul",
    "bench readback",
    "doctor",
  ]
) {
  Deno.test(`${name} --help describes, shows defaults and ends with examples`, async () => {
    const { code, stdout } = await call([...name.split(" "), "--help"]);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^Usage: temper ${name} `, "m"));
    assert.match(stdout, /\(default: \S/);
    assert.match(stdout, new RegExp(`^Examples:\n  .+:\n    temper ${name}`, "m"));
  });
}

Deno.test("usage lines name no options one by one: the list below them does", async () => {
  for (const name of ["runs", "runs list", "runs export", "bench", "bench step", "cluster"]) {
    const { stdout } = await call([...name.split(" "), "--help"]);
    const [, usage] = /^Usage: (.*)\n\n/m.exec(stdout.replace(/^.*\n(?=Usage)/, "")) ?? [];
    assert.match(usage, new RegExp(`^temper ${name} (COMMAND )?\\[OPTIONS\\]`), stdout);
  }
});

Deno.test("the help of train names every option that is relied on", async () => {
  const { stdout } = await call(["train", "--help"]);
  const relied = "output steps batch-size mini-batch-size ppo-epochs learning-rate seed " +
    "eval-samples save-every no-progress model adapter dataset reward config";
  for (const option of relied.split(" ")) assert.match(stdout, new RegExp(`--${option}\\b`));
});

Deno.test("completions are generated for the shells", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout } = await call(["completion", shell]);
    assert.equal(code, 0);
    assert.match(stdout, /temper/);
  }
});

Deno.test({
  name: "bash completes commands, options and values",
  ignore: !existsSync("/bin/bash"),
  async fn() {
    const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));
    const script = (await call(["completion", "bash"])).stdout;
    const lines = ["temper tra", "temper train --ste", "temper train --device w"];
    // What bash sets before it calls the function that the script has registered.
    const asks = lines.map((line) => {
      const words = line.split(" ");
      return `COMP_LINE='${line}' COMP_POINT=${line.length} COMP_CWORD=${words.length - 1}
        COMP_WORDS=(${words.join(" ")})
        "$complete" temper; echo "\${COMPREPLY[@]}"`;
    });
    const { stdout } = await new Deno.Command("/bin/bash", {
      args: [
        "-c",
        `temper() { '${Deno.execPath()}' run -A --no-check '${cli}' "$@"; }
        ${script}
        complete=$(complete -p temper | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
        ${asks.join("\n")}`,
      ],
      stdin: "null",
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "train\n--steps\nwasm webgpu\n");
  },
});

Deno.test("a site of what is no folder is refused", async () => {
  const { code, stderr } = await call(["ui", "deno.json", "--port", "0"]);
  assert.deepEqual([code, stderr], [1, "error: cannot show the runs in deno.json: it is a file\n"]);
});

const usage: [string[], string][] = [
  [[], "no command given: see temper --help"],
  [["trian"], "there is no command trian: did you mean train?"],
  [
    ["train", "--learning-rte", "1"],
    "train has no option --learning-rte: did you mean --learning-rate?",
  ],
  [["train", "--lr", "1"], "train has no option --lr: did you mean --learning-rate?"],
  [["train", "--kl-coef=1"], "train has no option --kl-coef: did you mean --init-kl-coef?"],
  [["train", "--bs", "2"], "train has no option --bs: did you mean --batch-size?"],
  [["train", "--epochs", "2"], "train has no option --epochs: did you mean --ppo-epochs?"],
  [["sft", "--target-kl", "1"], "sft has no option --target-kl: see temper sft --help"],
  [["bench", "ppo", "--shpe"], "bench ppo has no option --shpe: did you mean --shape?"],
  [["bench", "mat"], "there is no command bench mat: did you mean matmul?"],
  [["train", "extra"], 'train does not take "extra": see temper train --help'],
  [["--bogus"], "temper has no option --bogus: see temper --help"],
  [["train", "--steps", "0"], '--steps must be an integer above 0, found "0"'],
  [["train", "--dtype", "f16"], '--dtype must be one of f32, bf16, found "f16"'],
  [["train", "--steps"], "--steps requires N"],
  [["compare", "--samples", "0"], '--samples must be at least 1, found "0"'],
  [["compare", "--samples", "x"], '--samples must be an integer, found "x"'],
  [["ui", "--port", "99999"], '--port must be at most 65535, found "99999"'],
  [
    ["download", "a/b", "--type", "x"],
    '--type must be one of model, onnx, dataset, found "x"',
  ],
  [["merge", "--output", "x"], "--adapter is required"],
  [["train", "--steps", "1", "--steps", "2"], "--steps is given more than once"],
  [["push", "a"], "ORG/NAME is missing"],
  [["completion"], "no shell given: see temper completion --help"],
  [["train", "--progress=yes"], '--progress takes no value, found "yes"'],
  [["train", "--json=3"], '--json takes no value, found "3"'],
  [["help", "nothing"], "there is no command nothing"],
  [
    ["train", "--algorithm", "sac"],
    '--algorithm is "sac": expected one of ppo, grpo, rloo, dpo, orpo, kto, sft, reward',
  ],
  [["train", "--algorithm=sft", "--bogus"], "sft has no option --bogus: see temper sft --help"],
  [
    ["completion", "nosh"],
    'there is no completion for the shell "nosh": known are bash, fish, nu, pwsh, zsh',
  ],
  [["compare"], "nothing to compare: give the folder of a run, or --adapter DIR"],
  [
    ["download", "t5-small"],
    '"t5-small" is not a repository of the Hub: expected org/name or org/name@revision',
  ],
  [["bench"], "no command given: use bench ppo, bench step, bench matmul or bench readback"],
  [["download"], "no repository given: name at least one, as org/name"],
  [["runs"], "no command given: use runs list, show, compare, export or delete"],
  [["runs", "compare", "runs"], "too few runs: give the folders of at least two"],
  [["runs", "delete"], "no run given: give the folders of the runs to delete"],
];
for (const [args, message] of usage) {
  Deno.test(`wrong usage: ${args.join(" ")}`, async () => {
    assert.deepEqual(await call(args), { code: 2, stdout: "", stderr: `error: ${message}\n` });
  });
}

Deno.test("the process ends with the exit code", async () => {
  assert.deepEqual(await temper(["generate"]), {
    code: 2,
    stdout: "",
    stderr: "error: no text given: pass it as an argument or on standard input\n",
  });
});

for (const [target, code, error] of [["| true", 0, ""], [">/dev/full", 1, "the disk is full"]]) {
  Deno.test(`output ${target} is no bug of ours`, async () => {
    const script = `("$0" run --no-check -A cli.ts train --help; echo $? >&2) ${target}`;
    const { stderr } = await new Deno.Command("sh", { args: ["-c", script, Deno.execPath()] })
      .output();
    const text = new TextDecoder().decode(stderr);
    assert.equal(text, `${error && `error: cannot write to stdout: ${error}\n`}${code}\n`);
  });
}

for (const command of ["train", "sft"]) {
  Deno.test(`${command} goes on when its reader has gone`, async () => {
    await withTempDir(async (dir) => {
      const options = "--steps 1 --eval-samples 2 --eval-max-new-tokens 4 --device wasm " +
        `--threads 1 --batch-size 2 --no-progress --output ${join(dir, "run")}` +
        (command === "train" ? " --mini-batch-size 1 --ppo-epochs 1 --max-new-tokens 4" : "");
      const script = `("$0" run --no-check -A cli.ts ${command} ${options}; echo $? >&2) | true`;
      const { stderr } = await new Deno.Command("sh", { args: ["-c", script, Deno.execPath()] })
        .output();
      assert.match(new TextDecoder().decode(stderr), /^(tokens .*\n)*0\n$/);
      assert.equal(JSON.parse(Deno.readTextFileSync(join(dir, "run", "summary.json"))).steps, 1);
    });
  });
}

Deno.test("a program without readers of its outputs ends quietly", async () => {
  const script = '(("$0" run --no-check -A cli.ts evaluate --eval-samples 2 ' +
    "--eval-max-new-tokens 2 --threads 1; echo $? >&3) 2>&1 | true) 3>&1";
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script, Deno.execPath()] })
    .output();
  assert.equal(new TextDecoder().decode(stdout), "0\n");
});

Deno.test("merge writes a model without its adapter, and refuses a folder in use", async () => {
  await withTempDir(async (dir) => {
    const adapter = fileURLToPath(new URL("../golden/cases/adapter", import.meta.url));
    const args = ["merge", "--adapter", adapter, "--output", join(dir, "merged")];
    const { code, stdout } = await call(args);
    assert.equal(code, 0);
    assert.match(stdout, /merged model: .*merged/);
    const files = [...Deno.readDirSync(join(dir, "merged"))].map(({ name }) => name);
    assert.ok(files.includes("model.safetensors") && files.includes("tokenizer.json"));
    const again = await call(args);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /output folder .*merged is not empty: choose another one/);
  });
});
