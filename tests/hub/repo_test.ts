import assert from "node:assert/strict";
import { describeRepo, parseRepo, repoUrl, requireRepo } from "../../lib/hub/repo.ts";
import { explained } from "./with_hub.ts";

Deno.test("org/name, with or without a revision", () => {
  assert.deepEqual(parseRepo("model", "google/flan-t5-base"), {
    type: "model",
    name: "google/flan-t5-base",
    revision: "main",
    onnx: false,
  });
  assert.deepEqual(parseRepo("onnx", "org/name"), {
    ...parseRepo("model", "org/name"),
    onnx: true,
  });
  for (const revision of ["v1.0", "refs/pr/12", "a".repeat(40)]) {
    assert.equal(parseRepo("dataset", `org/My_data.2@${revision}`)?.revision, revision);
  }
});

for (
  const text of [
    "t5-small",
    "./org/name",
    "/org/name",
    "../name",
    "org/..",
    "org/name/sub",
    "org/na me",
    "org/na--me",
    "org/name.",
    "-org/name",
    "org/",
    "",
    "@main",
    "org/name@",
    "org/name@../../x",
    "org/name@a/../b",
    "org/name@/abs",
    `org/${"n".repeat(96)}`,
    "C:\\models\\x",
  ]
) {
  Deno.test(`no repository: ${JSON.stringify(text)}`, () => {
    assert.equal(parseRepo("model", text), null);
    assert.throws(
      () => requireRepo("model", text),
      explained(/is not a repository of the Hub: expected or/),
    );
  });
}

Deno.test("how messages name a repository, and its page", () => {
  const repo = requireRepo("model", "org/name");
  assert.equal(describeRepo(repo), "the model org/name");
  assert.equal(repoUrl("https://hub", repo), "https://hub/org/name");
  const dataset = requireRepo("dataset", "org/name@v1");
  assert.equal(describeRepo(dataset), "the dataset org/name@v1");
  assert.equal(repoUrl("https://hub", dataset), "https://hub/datasets/org/name");
});
