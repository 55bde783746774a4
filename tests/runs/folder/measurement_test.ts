import assert from "node:assert/strict";
import { readMeasurement, writeMeasurement } from "../../../lib/runs/folder/measurement.ts";
import { withFolder } from "../../cli/temper.ts";

Deno.test("a measurement is read back; none and one that is broken are null", async () => {
  await withFolder(async (run) => {
    const read = (file: string) =>
      readMeasurement(run, file, (json) => typeof json === "number" ? json : null);
    await writeMeasurement(run, "before.json", 0.1 + 0.2);
    assert.equal(await read("before.json"), 0.1 + 0.2);
    assert.equal(await read("none.json"), null);
    await writeMeasurement(run, "text.json", "0.3");
    assert.equal(await read("text.json"), null);
    await Deno.writeTextFile(`${run}/torn.json`, "0.");
    assert.equal(await read("torn.json"), null);
    await assert.rejects(writeMeasurement(`${run}/none`, "before.json", 1), /none\/before\.json/);
  });
});
