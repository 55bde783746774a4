import assert from "node:assert/strict";
import { runNames } from "../../lib/cluster/topology.ts";
import { UserError } from "../../lib/errors.ts";

Deno.test("ids of runs are those that a server can have as names", () => {
  assert.equal(runNames("first-1a2b3c").bucket, "TEMPER_first-1a2b3c");
  for (const id of ["", "a b", "a.b", "*", ">", "../x"]) {
    assert.throws(() => runNames(id), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /is not the id of a run: expected letters, digits, - and _/);
      return true;
    });
  }
});
