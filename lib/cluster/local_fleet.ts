import { availableParallelism } from "node:os";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { ioReason } from "../platform/io_error.ts";
import { freePort, listensSoon } from "../platform/ports.ts";

/** Server and workers of a run on this machine. */
export interface LocalFleet extends AsyncDisposable {
  /** Address of the server, with its token. */
  readonly url: string;
  /** Rejects when nobody is left who could respond. */
  readonly failed: Promise<never>;
}

/** Settings of a local fleet. */
export interface LocalFleetOptions {
  readonly workers: number;
  /** Arguments of Deno that start a worker. */
  workerArgs(name: string, threads: number): string[];
  /** Threads of each worker; null to share the machine. */
  readonly threads: number | null;
  /** Called with a line for people when a worker ends before the run. */
  info(line: string): void;
}

/**
 * Shell command that reads process ids, a line with all of them whenever they change, and ends the
 * processes of the last line once its standard input is closed.
 */
const GUARD = `
while read -r line; do pids="$line"; done
if [ -n "$pids" ]; then
  kill $pids
  sleep 5
  kill -9 $pids
fi
rm -rf "$1"
`;

const SERVER = "nats-server";
/** Options of a process that Ctrl-C in this terminal does not reach, so that a step can be finished. */
const APART = { stdin: "null", detached: true } as const;
/** Permissions that the workers and the server need. */
const PERMISSIONS = ["read", "write", "net", "env", "run", "sys", "ffi"] as const;

/**
 * Starts a NATS server for one run, which only this machine reaches, and workers.
 *
 * @throws {UserError} when the server is not installed or does not start
 */
export async function startLocalFleet(options: LocalFleetOptions): Promise<LocalFleet> {
  if (!PERMISSIONS.every((name) => Deno.permissions.querySync({ name }).state === "granted")) {
    throw new UserError(
      "`workers` starts processes, which needs deno run -A: grant it, or start temper work yourself " +
        "and give the server's address",
    );
  }
  const folder = await Deno.makeTempDir({ prefix: "temper-nats-" });
  const group = new ProcessGroup(folder);
  const { promise: failed, reject } = Promise.withResolvers<never>();
  // It may reject when nothing awaits it any more.
  failed.catch(() => {});
  try {
    const token = crypto.getRandomValues(new Uint8Array(16)).toHex();
    const port = freePort();
    // The token is not on the command line, where every user of the machine could read it.
    const config = join(folder, "nats.conf");
    await Deno.writeTextFile(config, serverConfig(folder, port, token), { mode: 0o600 });
    const server = await startServer(config, port);
    group.add(server);
    server.status.then(() => {
      if (!group.isEnding) reject(new UserError(`${SERVER} has ended`));
    });
    const url = `nats://${token}@127.0.0.1:${port}`;
    startWorkers(group, url, options, reject);
    return { url, failed, [Symbol.asyncDispose]: () => group.end() };
  } catch (error) {
    await group.end();
    throw error;
  }
}

/** Processes that are ended together, by another process if this one is killed. */
class ProcessGroup {
  /** True once they are being ended. */
  isEnding = false;
  readonly #children: Deno.ChildProcess[] = [];
  readonly #guard: ReturnType<typeof startGuard>;

  /** @param folder their folder, which is removed in the end */
  constructor(private readonly folder: string) {
    this.#guard = startGuard(folder);
  }

  /** Adds a process. */
  add(child: Deno.ChildProcess): void {
    this.#children.push(child);
    this.#guard?.watch(child);
  }

  /** Ends the processes, the last one first. */
  async end(): Promise<void> {
    this.isEnding = true;
    for (const child of this.#children.toReversed()) {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended.
      }
    }
    await Promise.all(this.#children.map(({ status }) => status));
    if (this.#guard) await this.#guard.dismiss();
    else await Deno.remove(this.folder, { recursive: true });
  }
}

/** Starts the workers of a fleet. @param fail called when the last one has ended before the run */
function startWorkers(
  group: ProcessGroup,
  url: string,
  { workers, workerArgs, threads: wanted, info }: LocalFleetOptions,
  fail: (error: UserError) => void,
): void {
  const threads = wanted ?? Math.max(1, Math.floor(availableParallelism() / workers));
  let working = workers;
  for (let i = 1; i <= workers; i++) {
    const child = startWorker(url, workerArgs(`worker-${i}`, threads));
    group.add(child);
    endOf(child).then((why) => {
      working--;
      if (group.isEnding || why === null) return;
      info(`worker-${i} has ended: ${why}`);
      if (working === 0) fail(new UserError(`all workers have ended: ${why}`));
    });
  }
}

function serverConfig(folder: string, port: number, token: string): string {
  return [
    `listen: "127.0.0.1:${port}"`,
    `jetstream { store_dir: ${JSON.stringify(join(folder, "store"))} }`,
    `authorization { token: "${token}" }`,
    "",
  ].join("\n");
}

async function startServer(config: string, port: number): Promise<Deno.ChildProcess> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(SERVER, {
      args: ["-c", config],
      ...APART,
      stdout: "null",
      stderr: "null",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new UserError(`cannot start ${SERVER}: ${ioReason(error)}`, { cause: error });
    }
    throw new UserError(
      `\`workers\` needs ${SERVER}, which is not installed: apt install nats-server, or see ` +
        "https://nats.io/download; or give the address of a server elsewhere",
    );
  }
  const end = new AbortController();
  child.status.then(() => end.abort());
  if (await listensSoon(port, end.signal)) return child;
  if (!end.signal.aborted) child.kill("SIGKILL");
  throw new UserError(`${SERVER} does not start: try it by hand (${SERVER} -js)`);
}

function startWorker(url: string, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { NATS_URL: url },
    ...APART,
    stdout: "null",
    stderr: "piped",
  }).spawn();
}

/**
 * Starts a process that ends the others when this one ends, even if this one is killed. Null on
 * Windows, which has no shell for it.
 */
function startGuard(folder: string) {
  if (Deno.build.os === "windows") return null;
  const child = new Deno.Command("sh", {
    args: ["-c", GUARD, "temper-guard", folder],
    ...APART,
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  const alive = new Set<number>();
  const tell = () => writer.write(new TextEncoder().encode([...alive].join(" ") + "\n"));
  return {
    watch({ pid, status }: Deno.ChildProcess): void {
      alive.add(pid);
      tell().catch(() => {});
      status.then(() => {
        // Another process may get the id.
        alive.delete(pid);
        tell().catch(() => {});
      });
    },
    /** Ends the guard, which removes the folder, once no process is left. */
    async dismiss(): Promise<void> {
      await writer.close().catch(() => {});
      await child.status;
    },
  };
}

/** Waits until a process has ended. Returns the reason; null where it ended as it should. */
async function endOf(child: Deno.ChildProcess): Promise<string | null> {
  let tail = "";
  for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
    tail = (tail + part).slice(-2000);
  }
  const { success, signal } = await child.status;
  if (success) return null;
  if (signal === "SIGKILL") return "it was killed, as the system does when memory runs out";
  return signal ? `it was ended by ${signal}` : tail.trim().split("\n").at(-1) ?? "";
}
