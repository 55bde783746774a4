import assert from "node:assert/strict";
import {
  comparisonCells,
  comparisonToCsv,
  comparisonToJson,
  comparisonToMarkdown,
} from "../../lib/evaluation/comparison_formats.ts";

const rows = [{
  query: 'Say "hi",\nplease',
  responseBefore: "a|b *c*",
  responseAfter: "fine",
  rewardBefore: -1.25,
  rewardAfter: 2.5,
  difference: 3.75,
}];

Deno.test("CSV quotes what needs it and keeps every digit", () => {
  assert.equal(
    comparisonToCsv(rows),
    "query,response_before,response_after,reward_before,reward_after,reward_diff\r\n" +
      '"Say ""hi"",\nplease",a|b *c*,fine,-1.25,2.5,3.75\r\n',
  );
});

Deno.test("JSON has the notebook's names", () => {
  assert.deepEqual(JSON.parse(comparisonToJson(rows)), [{
    query: 'Say "hi",\nplease',
    response_before: "a|b *c*",
    response_after: "fine",
    reward_before: -1.25,
    reward_after: 2.5,
    reward_diff: 3.75,
  }]);
});

Deno.test("Markdown keeps cells on a line and texts from being markup", () => {
  const lines = comparisonToMarkdown(rows).split("\n");
  assert.equal(lines.length, 4);
  assert.equal(
    lines[2],
    '| Say "hi",<br>please | a\\|b \\*c\\* | fine | -1.250 | 2.500 | 3.750 |',
  );
});

Deno.test("comparisonCells rounds on request", () => {
  assert.deepEqual(comparisonCells(rows[0], 1).slice(3), ["-1.3", "2.5", "3.8"]);
});
