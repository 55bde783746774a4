import { availableParallelism } from "node:os";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { ioReason } from "../platform/io_error.ts";

/** Server and workers of a run on this machine. */
export interface LocalFleet extends AsyncDisposable {
  /** Address of the server, with its token. */
  readonly url: string;
}

/** Settings of a local fleet. */
export interface LocalFleetOptions {
  readonly workers: number;
  /** Arguments of Deno that start a worker. */
  workerArgs(name: string, threads: number): string[];
  /** Threads of each worker; null to share the machine. */
  readonly threads: number | null;
  /** Called with a line for people, when a worker ends before the run. */
  info(line: string): void;
}

const SERVER = "nats-server";
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
  const token = crypto.getRandomValues(new Uint8Array(16)).toHex();
  const port = freePort();
  const children: Deno.ChildProcess[] = [];
  let isEnding = false;
  const end = async () => {
    isEnding = true;
    for (const child of children.reverse()) {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended.
      }
    }
    await Promise.all(children.map(({ status }) => status));
    await Deno.remove(folder, { recursive: true });
  };
  try {
    // Not on the command line, where every user of the machine could read it.
    const config = join(folder, "nats.conf");
    await Deno.writeTextFile(config, serverConfig(folder, port, token), { mode: 0o600 });
    children.push(await startServer(config, port));
    const url = `nats://${token}@127.0.0.1:${port}`;
    const threads = options.threads ??
      Math.max(1, Math.floor(availableParallelism() / options.workers));
    for (let i = 1; i <= options.workers; i++) {
      const child = startWorker(url, options.workerArgs(`worker-${i}`, threads));
      children.push(child);
      lastLine(child).then(async (line) => {
        const { code } = await child.status;
        if (!isEnding && code !== 0) options.info(`worker-${i} has ended: ${line}`);
      });
    }
    return { url, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
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
      stdin: "null",
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
  let ended = false;
  child.status.then(() => ended = true);
  for (let attempt = 0; attempt < 200; attempt++) {
    if (ended) break;
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return child;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  if (!ended) child.kill("SIGKILL");
  throw new UserError(`${SERVER} does not start: try it by hand (${SERVER} -js)`);
}

function startWorker(url: string, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { NATS_URL: url },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
}

/** Last line that a process writes to standard error. */
async function lastLine(child: Deno.ChildProcess): Promise<string> {
  let tail = "";
  for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
    tail = (tail + part).slice(-2000);
  }
  return tail.trim().split("\n").at(-1) ?? "";
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
