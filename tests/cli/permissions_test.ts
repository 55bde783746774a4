import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import settings from "../../deno.json" with { type: "json" };
import { permissionFlags } from "../../lib/cli/permissions.ts";
import { checkProgramIsApart } from "../../lib/cli/protected_program.ts";
import { UserError } from "../../lib/errors.ts";
import { trainConfigSchema } from "../../lib/runs/settings/config.ts";
import { settingInfo } from "../../lib/settings/settings.ts";
import { rewardRunConfigSchema } from "../../lib/runs/settings/reward_config.ts";
import { sftRunConfigSchema } from "../../lib/runs/settings/sft_config.ts";
import { demoModelDir } from "../demo_model.ts";
import { filesOf } from "../hub/stand_in_hub.ts";
import { withHub } from "../hub/with_hub.ts";
import { call, type Outcome, temper, withFolder } from "./temper.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));

/** What a command line may do, by the kind of permission. */
async function allowed(
  parsed: Record<string, unknown>,
  env: Record<string, string> = {},
): Promise<Record<string, string[]>> {
  const flags = await permissionFlags(parsed, env);
  return Object.fromEntries(flags.map((flag) => {
    const [, kind, values = ""] = /^--(?:allow-)?([^=]+)=?(.*)$/.exec(flag)!;
    return [kind, values.split(",")];
  }));
}

/** Runs a command line in a process that may do what `temper permissions` prints for it. */
async function runPermitted(
  cwd: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  const printed = await temper(["permissions", ...args], { cwd, env });
  const flags = printed.stdout.trim().split("\n");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", ...flags, CLI, ...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("the demo needs no network, no programs, no libraries", async () => {
  const flags = await allowed({ command: "train" });
  assert.deepEqual(Object.keys(flags).sort(), ["env", "read", "sys", "write"]);
  assert.deepEqual(flags.env, settings.permissions.offline.env);
  assert.ok(flags.write.includes("runs"));
  assert.ok(!(await allowed({ command: "params" })).write.includes("runs"));
});

Deno.test("doctor alone may start Deno, to test in another process what may end one", async () => {
  assert.deepEqual((await allowed({ command: "doctor" })).run, [Deno.execPath()]);
  for (const command of ["train", "generate", "ui", "verify", "bench readback"]) {
    assert.equal((await allowed({ command, host: "localhost" })).run, undefined);
  }
});

Deno.test("every setting that names a file or a repository may be read", async () => {
  const shapes = {
    train: trainConfigSchema.shape,
    sft: sftRunConfigSchema.shape,
    reward: rewardRunConfigSchema.shape,
  };
  for (const [command, shape] of Object.entries(shapes)) {
    for (const [name, field] of Object.entries(shape)) {
      const { metavar = "", type } = settingInfo(field);
      if (!/DIR|PATH|FILE/.test(metavar)) continue;
      const value = type === "array" ? ["some/where/else"] : "some/where/else";
      const { read, write } = await allowed({ command, [name]: value });
      assert.ok(read.includes("some/where/else"), name);
      assert.equal(write.includes("some/where/else"), name === "output", name);
    }
  }
});

Deno.test("what is on the Hub needs its addresses and its cache, and no others", async () => {
  const parsed = { command: "train", model: "google/flan-t5-base" };
  const loopback = settings.permissions.offline.net;
  const { net, read, write } = await allowed(parsed, { HF_HOME: "/hf" });
  assert.deepEqual(net, [...settings.permissions.hub.net, ...loopback]);
  assert.ok(write.includes("/hf/hub") && read.includes("/hf/token"));
  const download = await allowed({ command: "download", repos: ["google/flan-t5-base"] });
  assert.deepEqual(download.net, net);
  const mirrored = await allowed(parsed, { HF_ENDPOINT: "http://mirror:81" });
  assert.deepEqual(mirrored.net, ["mirror:81", ...loopback]);
  assert.equal((await allowed(parsed, { HF_HUB_OFFLINE: "1" })).net, undefined);
  assert.equal((await allowed({ command: "train", model: "demo/tiny-flan-t5" })).net, undefined);
});

Deno.test("runs are read where they are shown, and written where they are deleted", async () => {
  assert.deepEqual((await allowed({ command: "runs show", run: "a" })).write.includes("a"), false);
  const deletes = await allowed({ command: "runs delete", runs: ["a", "b"] });
  assert.ok(deletes.write.includes("a") && deletes.write.includes("b"));
  const exports = await allowed({ command: "runs export", run: "a" });
  assert.ok(exports.write.includes(join("a", "tensorboard")));
  const file = await allowed({ command: "runs export", run: "a", output: "tables/a.csv" });
  assert.ok(file.write.includes("tables"));
  const push = await allowed({ command: "push", folder: "a", repo: "org/a" });
  assert.ok(push.read.includes("a") && push.net.includes("huggingface.co"));
});

Deno.test("the site listens on its own address; pipelines and Dawn need a native library", async () => {
  const site = { command: "ui", runs: "nowhere", host: "127.0.0.1" };
  assert.deepEqual((await allowed({ ...site, port: 8642 })).net, ["127.0.0.1:8642"]);
  assert.deepEqual((await allowed({ ...site, port: 0 })).net, ["127.0.0.1"]);
  assert.ok(!(await allowed({ ...site, port: 0 })).sys.includes("networkInterfaces"));
  const open = await allowed({ ...site, host: "0.0.0.0", port: 0 });
  assert.ok(open.sys.includes("networkInterfaces"));
  const beside = await allowed({ command: "train", ui: true });
  assert.deepEqual(beside.net, settings.permissions.offline.net);
  assert.ok("ffi" in await allowed({ command: "train", reward: ["pipeline:./x"] }));
  assert.ok("ffi" in await allowed({ command: "train", device: "dawn" }));
  assert.ok(!("ffi" in await allowed({ command: "train", device: "webgpu" })));
  assert.ok("v8-flags" in await allowed({ command: "train", turbo: true }));
});

Deno.test("configuration files say what they name; options go before them", async () => {
  await withFolder(async (folder) => {
    const config = join(folder, "my.yaml");
    await Deno.writeTextFile(config, "model: /models/a b\nreward: [/r/one, /r/two.ts]\n");
    const flags = await permissionFlags({ command: "train", config, reward: ["/r/three"] });
    assert.match(flags[0], /,\/models\/a b,/);
    assert.match(flags[0], /\/r\/three/);
    assert.doesNotMatch(flags[0], /\/r\/one/);
  });
});

Deno.test("a run's folder raises no permissions: the command line names what its settings do", async () => {
  await withFolder(async (folder) => {
    const run = join(folder, "run");
    const config = join(run, "config.json");
    await Deno.mkdir(run);
    const stored = {
      model: "/models/m",
      reward: ["pipeline:x/y"],
      chatTemplate: "/chat.jinja",
      output: "/home",
    };
    await Deno.writeTextFile(config, JSON.stringify(stored));
    const named = {
      model: "/models/m",
      reward: ["demo/tiny-roberta-toxicity"],
      chatTemplate: "/chat.jinja",
    };
    for (
      const parsed of [
        { command: "compare", run },
        { command: "train", resume: run },
        { command: "train", config, output: "mine" },
      ]
    ) {
      await assert.rejects(permissionFlags(parsed), (error: Error) => {
        assert.ok(error instanceof UserError);
        return /(run|config\.json) names files that only .* add --model \/models\/m --reward pipeline:x\/y --chat-template \/chat\.jinja if/
          .test(error.message);
      });
      const { read, write, ...others } = await allowed({ ...parsed, ...named });
      assert.ok(read.includes("/models/m"), parsed.command);
      assert.ok(!write.includes("/home"));
      assert.deepEqual(Object.keys(others).sort(), ["env", "sys"]);
    }
    await assert.rejects(
      permissionFlags({ command: "train", config, ...named }),
      /--output \/home/,
    );

    const site = await allowed({ command: "ui", runs: folder, host: "localhost", port: 0 });
    assert.ok(!site.read.includes("/models/m"));
    assert.deepEqual(Object.keys(site).sort(), ["env", "net", "read", "sys", "write"]);
    const trusting = await allowed({
      ...{ command: "ui", runs: folder, host: "localhost", port: 0 },
      ...{ model: ["/models/m"], reward: ["pipeline:/models/p"] },
    });
    assert.ok(trusting.read.includes("/models/m") && trusting.read.includes("/models/p"));
    assert.ok("ffi" in trusting);
    await Deno.writeTextFile(config, `{"model": 5}`);
    await allowed({ command: "ui", runs: folder, host: "localhost", port: 0 });
  });
});

Deno.test("a name with a line break is refused: it would be a flag of its own", async () => {
  const output = "out\n--allow-run";
  await assert.rejects(
    permissionFlags({ command: "train", output }),
    /^UserError: "out\\n--allow-run" has a control character in its name/,
  );
});

Deno.test("what may be written is apart from the program, also through links", async () => {
  await withFolder(async (folder) => {
    const at = (...names: string[]) => join(folder, ...names);
    for (const name of ["cache/program/app", "work/run", "home"]) {
      await Deno.mkdir(at(name), { recursive: true });
    }
    const program = [await Deno.realPath(at("cache/program"))];
    const check = (path: string) => checkProgramIsApart([at(path)], program);
    for (const path of ["work", "work/run", "cache/other", "cache/program-2", "new/folder"]) {
      check(path);
    }
    for (const path of ["cache", "cache/program", "cache/program/app/new", "", "work/.."]) {
      assert.throws(() => check(path), /cannot be written by this program/, path);
    }
    await Deno.symlink(at("cache"), at("home/link"));
    assert.throws(() => check("home/link"), /cannot be written/);
    assert.throws(() => check("home/link/program/new"), /cannot be written/);
    assert.throws(() => check("home"), /home\/link is a link that leads to this program/);
    await Deno.symlink("../../cache/program/app", at("work/run/adapter"));
    assert.throws(() => check("work"), /run\/adapter is a link that leads to this program/);
    // In a checkout there is nothing to protect.
    checkProgramIsApart([folder], []);
  });
});

Deno.test("temper permissions prints a flag a line, and explains a wrong command line", async () => {
  const { code, stdout } = await call(["permissions", "train", "--output", "a b"]);
  assert.equal(code, 0);
  assert.ok(stdout.trim().split("\n").every((line) => line.startsWith("--allow-")));
  assert.match(stdout, /^--allow-write=.*a b$/m);
  assert.equal((await call(["permissions", "trian"])).code, 2);
  const { code: ui } = await call(["permissions", "ui", "deno.json"]);
  assert.equal(ui, 0);
  const { code: refused, stderr } = await call(["permissions", "train", "--output", "a,b"]);
  assert.equal(refused, 1);
  assert.match(
    stderr,
    /^error: a,b has a comma in its name, .* cannot express: rename it, or .*\n$/,
  );
});

Deno.test("permissions --help is its own help, not that of all commands", async () => {
  const { code, stdout } = await call(["permissions", "--help"]);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^Print the Deno permissions that a command needs\.\nUsage: temper permissions/,
  );
});

Deno.test("a download works with exactly what is printed", async () => {
  await withHub(async ({ hub, inCache }) => {
    const commit = hub.commit("models/org/tiny", filesOf(demoModelDir));
    const env = { HF_ENDPOINT: hub.url, HF_HOME: inCache(".") };
    const { code, stdout, stderr } = await runPermitted(
      inCache("."),
      ["download", "org/tiny"],
      env,
    );
    assert.equal(code, 0, stderr);
    assert.ok(stdout.includes(commit));
  });
});

/** Where Deno keeps its own cache, which follows XDG_CACHE_HOME where it is not told. */
async function denoFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

Deno.test("with exactly what is printed a run keeps its tokens, and the next one takes them", async () => {
  await withFolder(async (folder) => {
    const env = { XDG_CACHE_HOME: join(folder, "cache"), DENO_DIR: await denoFolder() };
    const options = ["--eval-samples", "2", "--eval-max-new-tokens", "4", "--device", "wasm"];
    const evaluate = () => runPermitted(folder, ["evaluate", ...options], env);
    const [first, second] = [await evaluate(), await evaluate()];
    assert.deepEqual([first.code, first.stderr], [0, ""]);
    const entries = join(folder, "cache/temper/datasets");
    assert.equal(second.stderr, `tokens from the cache ${entries}: 2 of 400 test prompts\n`);
    assert.equal(second.stdout, first.stdout);
  });
});

Deno.test("a run works with exactly what is printed, and nothing beyond it is read", async () => {
  await withFolder(async (folder) => {
    const run = (...args: string[]) => runPermitted(folder, args);
    const short = ["--steps", "1", "--eval-samples", "2", "--device", "wasm"];
    const trained = await run("train", ...short, "--output", "out");
    assert.equal(trained.code, 0, trained.stderr);
    assert.ok(await Deno.stat(join(folder, "out/summary.json")));
    // What reads its settings: the package for YAML has wishes of its own.
    await Deno.writeTextFile(join(folder, "my settings.yaml"), "steps: 1\nevalSamples: 2\n");
    const reads = [
      ["runs", "show", "out"],
      ["compare", "out", "--samples", "1"],
      ["train", "--config", "my settings.yaml", ...short, "--output", "second run"],
      ["train", "--resume", "second run", "--steps", "2"],
    ];
    for (const args of reads) {
      const { code, stderr } = await run(...args);
      assert.equal(code, 0, stderr);
    }

    const attempts = {
      read: `Deno.readTextFileSync("/etc/hostname")`,
      write: `Deno.writeTextFileSync("mine.txt", "")`,
      net: `await fetch("http://example.com")`,
      env: `Deno.env.get("SSH_AUTH_SOCK")`,
      run: `new Deno.Command("true").outputSync()`,
    };
    for (const [kind, code] of Object.entries(attempts)) {
      const script = join(folder, `${kind}.ts`);
      await Deno.writeTextFile(script, `${code};\nexport default () => [];`);
      const { code: exit, stderr } = await run("train", ...short, "--reward", script);
      assert.equal(exit, 1, stderr);
      assert.match(stderr, new RegExp(`Requires ${kind} access`));
    }
  });
});

Deno.test("a NATS server is reached where a command line names one, and nothing else for it", async () => {
  const trains = await allowed({ command: "train", nats: "tls://user:word@host:5222" });
  assert.deepEqual(trains.net, ["host:5222"]);
  assert.ok(trains.sys.includes("hostname") && trains.env.includes("NATS_URL"));
  const works = await allowed({ command: "work", nats: "nats://host", natsCreds: "my.creds" });
  assert.deepEqual(works.net, ["host:4222"]);
  assert.ok(works.read.includes("my.creds"));
  assert.equal((await allowed({ command: "train" })).net, undefined);
});

Deno.test("without any permission, one line says what to do", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--quiet", CLI, "params"],
  }).output();
  assert.equal(code, 1);
  assert.match(
    new TextDecoder().decode(stderr),
    /^error: Requires \w+ access .*permissions COMMAND prints what a command needs\n$/,
  );
});
