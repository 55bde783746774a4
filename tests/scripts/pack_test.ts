import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import settings from "../../deno.json" with { type: "json" };
import { withFolder } from "../cli/temper.ts";
import { confinement, NOBODY, shareCompiledShaders, start } from "./confined.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const NAME = `temper-${settings.version}-${Deno.build.target}`;
Deno.test({ name: "the packed executable", ignore: Deno.build.os !== "linux" }, async (test) => {
  const packed = await start(Deno.execPath(), ["task", "pack"], ROOT);
  assert.equal(packed.code, 0, packed.stderr);
  assert.match(packed.stdout, /^dist\/temper-\S+: \d+\.\d MB, in it/m);

  await withFolder(async (folder) => {
    const { user, network } = await confinement();
    const file = join(folder, NAME);
    const home = join(folder, "home");
    const cache = join(home, ".cache/temper");
    const programs = join(home, ".cache/temper-executable");
    const work = join(folder, "work");
    await Deno.copyFile(join(ROOT, "dist", NAME), file);
    for (const path of [cache, work]) await Deno.mkdir(path, { recursive: true });
    await Deno.mkdir(programs, { mode: 0o700 });
    if (user.length > 0) {
      for (const path of [cache, programs, work]) await Deno.chown(path, NOBODY, NOBODY);
    }
    const shaders = await shareCompiledShaders(join(home, ".cache"), user);
    // A home that can be read, but written in its cache folders alone.
    for (const path of [join(home, ".cache"), home, folder]) await Deno.chmod(path, 0o555);

    const alone = [...user, "env", "-i", `HOME=${home}`, shaders, file];
    const temper = (...args: string[]) => {
      const [command, ...rest] = [...network, ...alone, ...args];
      return start(command, rest, work);
    };

    await test.step("unpacks once, whole, when two start at once", async () => {
      const both = await Promise.all([temper("--version"), temper("--version")]);
      for (const { code, stdout, stderr } of both) {
        assert.deepEqual({ code, stdout, stderr }, {
          code: 0,
          stdout: settings.version + "\n",
          stderr: "",
        });
      }
      const [program, ...others] = [...Deno.readDirSync(programs)];
      assert.deepEqual(others, []);
      const unpacked = [...Deno.readDirSync(join(programs, program.name))];
      assert.deepEqual(unpacked.map(({ name }) => name).sort(), ["app", "cache", "deno"]);
    });

    await test.step("says its version without a look at permissions, or unpacking", async () => {
      const [{ name }] = [...Deno.readDirSync(programs)];
      const program = join(programs, name);
      const log = join(work, "starts");
      const real = join(program, "deno.real");
      await Deno.rename(join(program, "deno"), real);
      const counting = `#!/bin/sh\necho "$@" >> '${log}'\nexec '${real}' "$@"\n`;
      await Deno.writeTextFile(join(program, "deno"), counting, { mode: 0o755 });
      const starts = async (...args: string[]) => {
        await Deno.writeTextFile(log, "");
        await Deno.chmod(log, 0o666);
        assert.equal((await temper(...args)).code, 0);
        return (await Deno.readTextFile(log)).trim().split("\n").length;
      };
      // What a start costs is in bench/startup.ts: Deno's own, once.
      assert.equal(await starts("--version"), 1);
      assert.equal(await starts("--help"), 1);
      assert.equal(await starts("params"), 2);
      await Deno.rename(real, join(program, "deno"));
    });

    await test.step("trains the demo from an empty folder", async () => {
      const args = ["--steps", "1", "--eval-samples", "4", "--device", "wasm", "--output", "out"];
      const { code, stderr, stdout } = await temper("train", ...args);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /toxicity .* 4 prompts/);
      assert.ok(await Deno.stat(join(work, "out/adapter/adapter_model.safetensors")));
      const compared = await temper("compare", "out", "--samples", "2");
      assert.match(compared.stdout, /before/);
      const line = `tokens from the cache ${join(cache, "datasets")}: 4 of 400 test prompts\n`;
      assert.equal(compared.stderr, line);
    });

    await test.step("tests both devices, and sees no more of the machine than it may", async () => {
      const { code, stdout, stderr } = await temper("doctor");
      assert.equal(code, 0, stdout + stderr);
      assert.match(stdout, /ok +wasm +PPO step/);
      assert.match(stdout, /ok +webgpu +PPO step|webgpu +no/);
    });

    await test.step("runs ONNX classifiers", async () => {
      const model = join(work, "classifier");
      await Deno.mkdir(join(model, "onnx"), { recursive: true });
      for (const { name } of Deno.readDirSync(join(ROOT, "demo/tiny-roberta-toxicity"))) {
        if (name.endsWith(".safetensors")) continue;
        await Deno.copyFile(join(ROOT, "demo/tiny-roberta-toxicity", name), join(model, name));
      }
      const onnx = join(ROOT, "tests/fixtures/tiny-roberta-toxicity.onnx");
      await Deno.copyFile(onnx, join(model, "onnx/model.onnx"));
      const { code, stdout, stderr } = await temper("score", "--model", "onnx:classifier", "trash");
      assert.equal(code, 0, stderr);
      assert.match(stdout, /trash +-?\d\.\d{4}/);
    });

    await test.step("passes exit codes on, and reads nothing that is not named", async () => {
      const wrong = await temper("train", "--stepz", "1");
      assert.equal(wrong.code, 2);
      assert.equal(wrong.stderr, "error: train has no option --stepz: did you mean --steps?\n");
      const extra = await temper("train", "extra");
      assert.match(
        extra.stderr,
        /^error: train does not take "extra": see \S*temper\S* train --help\n$/,
      );
      const comma = await temper("train", "--steps", "1", "--output", "a,b");
      assert.equal(comma.code, 1);
      assert.match(comma.stderr, /^error: a,b has a comma in its name, .*\n$/);
      await Deno.writeTextFile(join(work, "short.yaml"), "steps: 1\nevalSamples: 2\n");
      const settings = ["--config", "short.yaml", "--output", "of a file", "--device", "wasm"];
      assert.equal((await temper("train", ...settings)).code, 0);
      assert.equal((await temper("runs", "show", "of a file")).code, 0);
      await Deno.writeTextFile(
        join(work, "curious.ts"),
        `export default () => [Deno.readTextFileSync("/etc/hostname").length];`,
      );
      const curious = await temper("train", "--reward", "./curious.ts", "--steps", "1");
      assert.equal(curious.code, 1, curious.stderr);
      assert.match(curious.stderr, /Requires read access to "\/etc\/hostname"/);
    });

    await test.step("a reward script leaves the program, and what it may do, alone", async () => {
      // Renames whatever it can of what leads to the program, and plants code in its place.
      const attack = `
        const planted = 'console.log(Deno.args[0] === "permissions" ? "--allow-all" : "ESCAPED")';
        const tries = [];
        const attempt = (f) => { try { f(); tries.push("done"); } catch { tries.push("refused"); } };
        const home = ${JSON.stringify(home)};
        for (const folder of ["/.cache/temper-executable", "/.cache", "", "/.cache/temper/executable"]) {
          attempt(() => Deno.renameSync(home + folder, home + folder + "-moved"));
          attempt(() => Deno.mkdirSync(home + folder + "/x", { recursive: true }));
        }
        attempt(() => Deno.writeTextFileSync(${JSON.stringify(file)}, "#!/bin/sh\\necho ESCAPED"));
        attempt(() => Deno.renameSync(${JSON.stringify(file)}, ${JSON.stringify(file)} + "-moved"));
        for (const id of (() => { try { return [...Deno.readDirSync(home + "/.cache/temper-executable")]; } catch { return []; } })()) {
          attempt(() => Deno.writeTextFileSync(home + "/.cache/temper-executable/" + id.name + "/app/cli.js", planted));
        }
        console.error("tries: " + [...new Set(tries)].join());
        export default (samples) => samples.map(() => 0);`;
      await Deno.writeTextFile(join(work, "attack.js"), attack);
      const args = ["--reward", "./attack.js", "--steps", "1", "--device", "wasm"];
      const quick = [
        ...args,
        "--eval-samples",
        "2",
        "--toxicity-model",
        "demo/tiny-roberta-toxicity",
      ];
      const attacked = await temper("train", ...quick, "--output", "attacked");
      assert.match(attacked.stderr, /tries: /, attacked.stdout);
      const after = await temper("runs", "list", "--folder", ".");
      assert.deepEqual([after.code, after.stderr], [0, ""]);
      assert.doesNotMatch(after.stdout, /ESCAPED/);
      assert.deepEqual([...Deno.readDirSync(programs)].length, 1);
    });

    await test.step("lets reward scripts reach the hosts that are named, and no others", async () => {
      await Deno.writeTextFile(
        join(work, "hosts.ts"),
        `const may = async (host) => (await Deno.permissions.query({ name: "net", host })).state;
        throw new Error(await may("a.example") + ", " + await may("b.example"));`,
      );
      const net = ["--reward-allow-net", "a.example"];
      for (const [args, says] of [[net, /granted, prompt/], [[], /prompt, prompt/]] as const) {
        const { code, stderr } = await temper("train", "--reward", "./hosts.ts", ...args);
        assert.equal(code, 1);
        assert.match(stderr, says);
      }
    });

    await test.step("writes no folder that the program lies in, nor a link to it", async () => {
      await Deno.mkdir(join(work, "linked"));
      await Deno.symlink(programs, join(work, "linked/adapter"));
      for (const output of [home, join(home, ".cache"), programs, folder, "..", "linked"]) {
        const { code, stderr } = await temper("train", "--steps", "1", "--output", output);
        assert.deepEqual([code, stderr.trim().split("\n").length], [1, 1], stderr);
        assert.match(stderr, /^error: .*(lies in it|link that leads to this program)/);
      }
    });

    await test.step("prints permissions of configurations, runs and the site", async () => {
      await Deno.writeTextFile(join(work, "some.yaml"), "model: /models/m\n");
      const printed = async (...args: string[]) => {
        const { code, stdout, stderr } = await temper("permissions", ...args);
        assert.equal(code, 0, stderr);
        return stdout;
      };
      assert.match(
        await printed("train", "--config", "some.yaml"),
        /^--allow-read=.*,\/models\/m\b/m,
      );
      assert.match(await printed("train", "--resume", "out"), /^--allow-write=.*out$/m);
      assert.match(await printed("ui", "."), /^--allow-net=127.0.0.1:8642$/m);
    });

    await test.step("does not start from a folder that others may change", async () => {
      const open = join(folder, "open");
      const env = (
        cacheHome: string,
      ) => [...user, "env", "-i", `XDG_CACHE_HOME=${cacheHome}`, file];
      await Deno.mkdir(open);
      const refused = async (reason: RegExp) => {
        const [command, ...args] = [...env(open), "--version"];
        const { code, stderr } = await start(command, args, work);
        assert.equal(code, 1);
        assert.match(stderr, reason);
        assert.equal(stderr.trim().split("\n").length, 1, stderr);
      };
      await Deno.chmod(open, 0o777);
      await refused(/others may write a folder above it/);
      await Deno.chmod(open, 0o1777);
      const planted = join(open, "temper-executable");
      await Deno.remove(planted, { recursive: true });
      await Deno.symlink(programs, planted);
      await refused(/it is a link/);
      await Deno.remove(planted);
      if (user.length > 0) {
        await Deno.mkdir(planted);
        await refused(/it belongs to someone else/);
        await Deno.chown(planted, NOBODY, NOBODY);
        await Deno.chmod(planted, 0o777);
        await refused(/others may write it/);
      }
    });

    await test.step("serves the site, and ends at a signal", async () => {
      const [command, ...args] = [...alone, "ui", ".", "--port", "0"];
      const child = new Deno.Command(command, { args, cwd: work, stdout: "piped" }).spawn();
      const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const { value = "" } = await lines.read();
      const address = /http:\S+/.exec(value)![0];
      const page = await fetch(address);
      assert.equal(page.status, 200);
      const start = new URL(/\/static\/start\.js[^"]*/.exec(await page.text())![0], address);
      const [client] = /\.\/client\.js[^"]*/.exec(await (await fetch(start)).text())!;
      assert.equal((await (await fetch(new URL(client, start))).text()).length > 1000, true);
      child.kill("SIGTERM");
      await lines.cancel();
      assert.equal((await child.status).code, 0);
    });

    for (const path of [folder, home, join(home, ".cache")]) await Deno.chmod(path, 0o755);
  });
});
