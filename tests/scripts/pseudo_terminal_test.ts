import assert from "node:assert/strict";
import { CTRL_C, plainText, runInTerminal } from "../../scripts/pseudo_terminal.ts";

const ignore = Deno.build.os !== "linux";

Deno.test({
  name: "runInTerminal: 80 columns, and the exit code is passed on",
  ignore,
  fn: async () => {
    const { code, killed, output } = await runInTerminal(
      "stty size; test -t 0 && test -t 1; exit 3",
    );
    assert.deepEqual([code, killed], [3, null]);
    assert.equal(output.trim(), "24 80");
  },
});

Deno.test({
  name: "runInTerminal: a question for a permission is noticed",
  ignore,
  fn: async () => {
    const asking =
      `${Deno.execPath()} run --no-config data:text/javascript,Deno.env.get%28%22X%22%29`;
    const { code, killed, output } = await runInTerminal(asking, { seconds: 30 });
    assert.deepEqual([code, killed], [null, "prompt"], output);
    assert.match(plainText(output), /Deno requests env access to "X"/);
  },
});

Deno.test({
  name: "runInTerminal: what does not end is killed",
  ignore,
  fn: async () => {
    const began = performance.now();
    const press = [{ after: /never/, keys: CTRL_C }];
    const { code, killed, output } = await runInTerminal("sleep 60", { seconds: 0.5, press });
    assert.deepEqual([code, killed], [null, "timeout"]);
    assert.match(output, /\[1 of 1 keys were not pressed: no \/never\/\]$/);
    assert.ok(performance.now() - began < 20_000);
  },
});

Deno.test({
  name: "runInTerminal: keys are pressed once their text is there",
  ignore,
  fn: async () => {
    const { code, output } = await runInTerminal(
      "trap 'echo stopped; exit 5' INT; echo up; while :; do sleep 0.1; done",
      {
        seconds: 30,
        press: [{ after: /up/, keys: CTRL_C }],
      },
    );
    assert.equal(code, 5, output);
    assert.match(output, /stopped/);
  },
});

Deno.test({
  name: "runInTerminal: keys wait for text that comes after the keys before them",
  ignore,
  fn: async () => {
    const { code, output } = await runInTerminal(
      "stty -echo; echo go; read a; echo wait; read -t 1 early; echo go; read b; echo [$early$a$b]",
      {
        env: { SHELL: "/bin/bash" },
        seconds: 30,
        press: [{ after: /go/, keys: "x\n" }, { after: /go/, keys: "y\n" }],
      },
    );
    assert.equal(code, 0, output);
    assert.match(output, /\[xy\]/);
  },
});
