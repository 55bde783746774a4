import assert from "node:assert/strict";
import { formatDuration, Progress } from "../../lib/cli/progress.ts";
import type { Terminal } from "../../lib/cli/terminal.ts";
import { displayWidth } from "../../lib/cli/text_layout.ts";

function recorder(options: Partial<Terminal>): Terminal & { written: string[] } {
  const written: string[] = [];
  const write = (text: string) => void written.push(text);
  return { interactive: true, color: false, width: 80, ...options, write, draw: write, written };
}

function clock(): () => number {
  let now = -2000;
  return () => now += 2000;
}

Deno.test("a bar shows step, rate, time left, reward and KL on one line", () => {
  const terminal = recorder({});
  const progress = new Progress({ total: 30, terminal, now: clock() });
  progress.update({ step: 1, figures: { reward: 1.25, KL: 0.5 } });
  progress.finish();
  assert.deepEqual(terminal.written, [
    "\r\x1b[2K 1/30 " + "━" + "·".repeat(26) + "  reward 1.250  KL 0.500  2.0 s/step  58s left",
    "\n",
  ]);
});

for (const width of [10, 20, 40, 80, 300]) {
  Deno.test(`a bar never fills a line of ${width} columns`, () => {
    for (const color of [false, true]) {
      const terminal = recorder({ width, color });
      new Progress({ total: 1000, terminal, now: clock() })
        .update({ step: 999, figures: { reward: -12.5, KL: 123.456 } });
      // deno-lint-ignore no-control-regex
      const visible = terminal.written[0].replace(/\x1b\[\d+[mK]|\r/g, "");
      assert.ok(displayWidth(visible) < width, visible);
    }
  });
}

Deno.test("colour only where it is welcome", () => {
  for (const color of [false, true]) {
    const terminal = recorder({ color });
    new Progress({ total: 2, terminal, now: clock() }).update({
      step: 1,
      figures: { reward: 0, KL: 0 },
    });
    assert.equal(terminal.written[0].includes("\x1b[32m"), color);
  }
});

Deno.test("plain lines where nobody watches", () => {
  const terminal = recorder({ interactive: false });
  const progress = new Progress({ total: 4, terminal, now: clock() });
  progress.update({ step: 2, figures: { reward: 0.1, KL: -0.01 } });
  progress.log("saved");
  progress.finish();
  assert.deepEqual(terminal.written, [
    "step 2/4  reward 0.100  KL -0.010  1.0 steps/s  2s left\n",
    "saved\n",
  ]);
});

Deno.test("a log line goes above the bar", () => {
  const terminal = recorder({});
  const progress = new Progress({ total: 4, terminal, now: clock() });
  progress.update({ step: 1, figures: { reward: 0, KL: 0 } });
  progress.log("saved");
  assert.ok(terminal.written[1].startsWith("\r\x1b[2Ksaved\n1/4 "));
});

Deno.test("formatDuration", () => {
  assert.equal(formatDuration(0.4), "0s");
  assert.equal(formatDuration(59.6), "1m00s");
  assert.equal(formatDuration(185), "3m05s");
  assert.equal(formatDuration(7620), "2h07m");
});
