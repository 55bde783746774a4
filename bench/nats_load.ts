/**
 * Work of a NATS server for a run: its processor time, which other load hardly changes, for a policy
 * stored and downloaded, a prompt handed out, and a result stored and read. Prints JSON. Linux, which
 * counts the time.
 *
 *     deno run -A bench/nats_load.ts [--mib 14] [--workers 8] [--messages 2000] [--tokens 128]
 */
import { parseArgs } from "node:util";
import { type Connection, connectNats } from "../lib/cluster/connection.ts";
import {
  createRunStores,
  openRunStores,
  resultSubject,
  type RunStores,
  workConsumer,
  workSubject,
} from "../lib/cluster/topology.ts";
import { withServer } from "../scripts/nats_server.ts";

const { values } = parseArgs({
  options: {
    mib: { type: "string", default: "14" },
    workers: { type: "string", default: "8" },
    messages: { type: "string", default: "2000" },
    tokens: { type: "string", default: "128" },
  },
});
const [mib, workers, messages, tokens] = [
  values.mib,
  values.workers,
  values.messages,
  values.tokens,
].map(Number);
/** Messages that are under way at a time. */
const AT_ONCE = 50;

/** Processor seconds of a process so far: its user and system time, in hundredths of a second. */
async function processorSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Does something with each number below a count, some at a time. */
async function forEach(count: number, action: (i: number) => Promise<unknown>): Promise<void> {
  for (let begin = 0; begin < count; begin += AT_ONCE) {
    const size = Math.min(AT_ONCE, count - begin);
    await Promise.all(Array.from({ length: size }, (_, i) => action(begin + i)));
  }
}

/** A message of random numbers, as long as a prompt or a result of `tokens` tokens is. */
function numbers(): string {
  const list = Array.from({ length: tokens }, () => Math.fround(-3 * Math.random()));
  return JSON.stringify({
    tokens: list.map((value) => Math.floor(-10_000 * value)),
    logprobs: list,
  });
}

/** Fetches and acknowledges work until all is done. */
async function work(connection: Connection, { names }: RunStores): Promise<void> {
  const consumer = await workConsumer(connection, names);
  for (let done = 0; done < messages;) {
    const batch = await consumer.fetch({ max_messages: AT_ONCE, expires: 1000 });
    for await (const message of batch) {
      message.ack();
      done++;
    }
  }
}

await withServer(async ({ url, pid }) => {
  await using connection = await connectNats({ url }, "bench");
  const { js, jsm } = connection;
  const stores = await createRunStores(connection, "run");
  const { policies, names } = stores;
  const report: Record<string, { seconds: number; server: number; count: number }> = {};
  const measure = async (name: string, count: number, action: () => Promise<unknown>) => {
    const [began, before] = [performance.now(), await processorSeconds(pid())];
    await action();
    await connection.nats.flush();
    const seconds = (performance.now() - began) / 1000;
    report[name] = { seconds, server: await processorSeconds(pid()) - before, count };
  };
  const bytes = crypto.getRandomValues(new Uint8Array(65536));
  const policy = new Uint8Array(mib * 2 ** 20).map((_, i) => bytes[i % bytes.length]);
  await measure("policy stored", 4, async () => {
    for (let i = 0; i < 4; i++) await policies.putBlob({ name: `${i}` }, policy);
  });
  const readers = await Promise.all(
    Array.from({ length: workers }, () => connectNats({ url }, "bench")),
  );
  await measure("policy downloaded", workers, () =>
    Promise.all(readers.map(async (reader) => {
      const found = await (await openRunStores(reader, "run")).policies.getBlob("0");
      if (found?.length !== policy.length) throw new Error("the policy is not complete");
    })));
  const message = numbers();
  await measure("prompt handed out", messages, async () => {
    await forEach(messages, (i) => js.publish(workSubject("run", 1, i), message));
    await work(readers[0], stores);
  });
  await measure("result stored and read", messages, async () => {
    await forEach(messages, (i) => js.publish(resultSubject("run", 1, i, 0), message));
    await forEach(
      messages,
      (i) =>
        jsm.streams.getMessage(names.resultStream, { last_by_subj: resultSubject("run", 1, i, 0) }),
    );
  });
  for (const reader of readers) await reader[Symbol.asyncDispose]();
  console.log(JSON.stringify({ mib, bytesOfMessage: message.length, report }, null, 2));
});
