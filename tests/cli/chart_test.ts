import assert from "node:assert/strict";
import { drawChart } from "../../lib/cli/chart.ts";
import { displayWidth } from "../../lib/cli/text_layout.ts";

Deno.test("a chart rises with its values, with the extremes at the side", () => {
  const [title, top, bottom] = drawChart("reward", [0, 1], { width: 12, height: 2 }).split("\n");
  assert.equal(title, "reward");
  assert.ok(top.startsWith("1.000 ") && bottom.startsWith("0.000 "));
  assert.equal(top.at(-1), "⠉");
  assert.equal(bottom[6], "⣀");
  assert.equal(displayWidth(top), 12);
});

Deno.test("a chart of nothing, of one value, and of gaps", () => {
  assert.equal(drawChart("x", [NaN], { width: 20, height: 2 }), "x\n(no values)");
  assert.match(drawChart("x", [3], { width: 20, height: 2 }), /^x\n3.000 /);
  assert.match(drawChart("x", [1, NaN, 3], { width: 20, height: 2 }), /⠀/);
});
