import assert from "node:assert/strict";
import { drawChart } from "../../lib/cli/chart.ts";
import { displayWidth } from "../../lib/cli/text_layout.ts";

Deno.test("a chart rises with its values, with the extremes at the side", () => {
  const [title, top, bottom] = drawChart("reward", [0, 0, 0, 1, 1, 1], { width: 12, height: 2 })
    .split("\n");
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

Deno.test("a curve is drawn through: no column without a dot, however steep it is", () => {
  const [, ...lines] = drawChart("x", [0, 9, 0, 9, 5], { width: 40, height: 4 }).split("\n");
  const margin = lines[0].search(/[\u2800-\u28ff]/);
  for (let column = margin; column < 40; column++) {
    assert.ok(lines.some((line) => line[column] !== "⠀"), `column ${column}`);
  }
  // Up and down a single step: every line has a part of it.
  const steep = drawChart("x", [0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0], { width: 12, height: 4 });
  for (const line of steep.split("\n").slice(1)) assert.match(line, /[\u2801-\u28ff]/);
});
