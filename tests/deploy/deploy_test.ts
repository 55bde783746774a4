import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { DCLinter } from "dclint";
import { Deployment } from "kubernetes-models/apps/v1";
import { Job } from "kubernetes-models/batch/v1";
import { ConfigMap, PersistentVolumeClaim, Secret } from "kubernetes-models/v1";
import { main } from "../../lib/cli/main.ts";
import { RESERVED_MIB } from "../../lib/cluster/topology.ts";
import { parse, parseAllDocuments } from "../../lib/packages/yaml.ts";
import { runKind } from "../../lib/runs/kinds/registry.ts";
import { withTempDir } from "../temp_dir.ts";

const DEPLOY = fileURLToPath(new URL("../../deploy", import.meta.url));

// deno-lint-ignore no-explicit-any
type Tree = any;

async function text(path: string): Promise<string> {
  return await Deno.readTextFile(`${DEPLOY}/${path}`);
}

async function documents(path: string): Promise<Tree[]> {
  return parseAllDocuments(await text(path)).map((document) => {
    assert.deepEqual(document.errors, [], path);
    return document.toJS();
  });
}

/** Objects of Kubernetes' API that the manifests have, with their schemas. */
const MODELS = { ConfigMap, Deployment, Job, PersistentVolumeClaim, Secret };

/** Copies a value, with a note of each field that nobody has read yet. */
function watched(value: Tree, path: string, unread: Set<string>): Tree {
  if (value === null || typeof value !== "object") return value;
  const copy: Tree = Array.isArray(value) ? [] : {};
  for (const [key, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) unread.add(`${path}/${key}`);
    copy[key] = watched(inner, `${path}/${key}`, unread);
  }
  return new Proxy(copy, {
    get(target, key) {
      unread.delete(`${path}/${String(key)}`);
      return target[key];
    },
  });
}

/**
 * Checks a manifest against its schema, and returns the fields that it does not have: the schemas let
 * them pass, without reading them.
 */
function unknownFields(manifest: Tree): string[] {
  const unread = new Set<string>();
  const model: Tree = new MODELS[manifest.kind as keyof typeof MODELS](manifest);
  for (const [key, value] of Object.entries(manifest)) model[key] = watched(value, key, unread);
  model.validate();
  return [...unread];
}

/** Checks a pod's volumes, secrets and commands. */
function checkPod(spec: Tree): void {
  const volumes = spec.volumes.map(({ name }: Tree) => name);
  for (const container of spec.containers) {
    for (const { name } of container.volumeMounts) assert.ok(volumes.includes(name), name);
    for (const { valueFrom } of container.env) {
      const { secretKeyRef, fieldRef } = valueFrom;
      assert.ok(
        secretKeyRef?.name === "temper-nats" && secretKeyRef.key === "url" ||
          fieldRef?.fieldPath === "metadata.name",
      );
    }
    for (const { memory, cpu } of Object.values<Tree>(container.resources)) {
      assert.match(memory, /^\d+Gi$/);
      assert.equal(typeof cpu, "string");
    }
  }
}

Deno.test("the manifests of Kubernetes fit together, and their settings are a run's", async () => {
  const [claim, settings, job] = await documents("kubernetes/trainer.yaml");
  const [workers] = await documents("kubernetes/workers.yaml");
  const [secret] = await documents("kubernetes/secret.yaml");
  assert.deepEqual(
    [claim, settings, job, workers, secret].map(({ apiVersion, kind }) => `${apiVersion} ${kind}`),
    [
      "v1 PersistentVolumeClaim",
      "v1 ConfigMap",
      "batch/v1 Job",
      "apps/v1 Deployment",
      "v1 Secret",
    ],
  );
  for (const manifest of [claim, settings, job, workers, secret]) {
    assert.deepEqual(unknownFields(manifest), [], manifest.kind);
  }
  const wrong = structuredClone(job);
  wrong.spec.template.spec.containers[0].env[0].valueFrom.secretKeyRef.kye = "url";
  assert.deepEqual(
    unknownFields(wrong),
    ["spec/template/spec/containers/0/env/0/valueFrom/secretKeyRef/kye"],
  );
  assert.throws(
    () => unknownFields({ ...workers, spec: { ...workers.spec, replicas: "2" } }),
    /spec\/replicas must be integer/,
  );
  checkPod(job.spec.template.spec);
  checkPod(workers.spec.template.spec);
  assert.deepEqual(workers.spec.selector.matchLabels, workers.spec.template.metadata.labels);
  assert.equal(secret.metadata.name, "temper-nats");
  assert.ok(secret.stringData.url.includes(secret.stringData.token));
  const kind = runKind("ppo");
  kind.resolve({ ...parse(settings.data["settings.yaml"]), kind: "ppo", output: "/runs/first" });
  const values = parse(await text("kubernetes/nats-values.yaml"));
  const [, gib] = /^(\d+)Gi$/.exec(values.config.jetstream.fileStore.pvc.size)!;
  assert.ok(Number(gib) * 1024 > 4 * RESERVED_MIB);
  assert.equal(values.container.env.NATS_TOKEN.valueFrom.secretKeyRef.name, secret.metadata.name);
});

Deno.test("the compose file has the schema of the Compose Specification", async () => {
  const problems = (path: string) =>
    new DCLinter({ rules: {}, quiet: false, debug: false, exclude: [] }).lintFiles([path], false)
      .flatMap(({ messages }) => messages)
      // Its other rules are matters of taste.
      .filter(({ rule }) => rule.startsWith("invalid-")).map(({ message }) => message);
  assert.deepEqual(problems(`${DEPLOY}/compose.yaml`), []);
  await withTempDir(async (folder) => {
    const wrong = `${folder}/compose.yaml`;
    const misspelled = (await text("compose.yaml")).replace("depends_on:", "depend_on:");
    await Deno.writeTextFile(wrong, misspelled);
    assert.match(problems(wrong).join(), /services\/trainer.*must NOT have additional properties/);
  });
});

Deno.test("the compose file has a server, a trainer and workers, which know its address", async () => {
  const { services, volumes } = parse(await text("compose.yaml"));
  assert.deepEqual(Object.keys(services), ["nats", "trainer", "worker"]);
  for (const name of ["trainer", "worker"]) {
    const { environment, image, volumes: its } = services[name];
    assert.equal(environment.NATS_URL, "nats://${NATS_TOKEN}@nats:4222");
    assert.equal(image, "temper");
    for (const mount of its) {
      const [source] = mount.split(":");
      assert.ok(source.startsWith("./") || source in volumes, mount);
    }
  }
});

Deno.test("options that the files give are options of the commands", async () => {
  const help: string[] = [];
  const { writeSync } = Deno.stdout;
  Deno.stdout.writeSync = (bytes) => {
    help.push(new TextDecoder().decode(bytes));
    return bytes.length;
  };
  try {
    await main(["train", "--help"]);
    await main(["work", "--help"]);
  } finally {
    Deno.stdout.writeSync = writeSync;
  }
  const known = help.join("");
  for (const path of ["compose.yaml", "kubernetes/trainer.yaml", "kubernetes/workers.yaml"]) {
    const commands = (await text(path)).split("\n").filter((line) =>
      !/^\s*#|--store_dir/.test(line)
    );
    for (const [option] of commands.join("\n").matchAll(/--[a-z][\w-]+/g)) {
      if (option !== "--quiet") assert.ok(known.includes(option), `${path}: ${option}`);
    }
  }
});
