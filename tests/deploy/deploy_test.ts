import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Deployment } from "kubernetes-models/apps/v1";
import { Job } from "kubernetes-models/batch/v1";
import { ConfigMap, PersistentVolumeClaim, Secret } from "kubernetes-models/v1";
import { main } from "../../lib/cli/main.ts";
import { RESERVED_MIB } from "../../lib/cluster/topology.ts";
import { parse, parseAllDocuments } from "../../lib/packages/yaml.ts";
import { runKind } from "../../lib/runs/kinds/registry.ts";

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

/** Fields of the objects that the manifests have, as Kubernetes' API reference names them. */
const FIELDS: Record<string, readonly string[]> = {
  pod: ["restartPolicy", "terminationGracePeriodSeconds", "containers", "volumes"],
  container: ["name", "image", "command", "args", "env", "volumeMounts", "resources"],
  job: ["backoffLimit", "template"],
  deployment: ["replicas", "selector", "template"],
};

function onlyKnown(what: string, object: Tree): void {
  for (const key of Object.keys(object)) assert.ok(FIELDS[what].includes(key), `${what}: ${key}`);
}

/** Checks a pod's volumes, secrets and commands. */
function checkPod(spec: Tree): void {
  onlyKnown("pod", spec);
  const volumes = spec.volumes.map(({ name }: Tree) => name);
  for (const container of spec.containers) {
    onlyKnown("container", container);
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
  // The schemas of Kubernetes' own API; they let fields pass that it does not have.
  new PersistentVolumeClaim(claim).validate();
  new ConfigMap(settings).validate();
  new Job(job).validate();
  new Deployment(workers).validate();
  new Secret(secret).validate();
  assert.throws(
    () => new Deployment({ ...workers, spec: { ...workers.spec, replicas: "2" } }).validate(),
    /spec\/replicas must be integer/,
  );
  onlyKnown("job", job.spec);
  onlyKnown("deployment", workers.spec);
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
