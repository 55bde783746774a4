/** A NATS server for tests and benches. */
import { freePort, listensSoon } from "../lib/platform/ports.ts";

/** A NATS server of its own, which can be killed and started again. */
export interface Server {
  readonly url: string;
  readonly port: number;
  /** Id of its process, which is another one after a restart. */
  pid(): number;
  /** Kills the server at once. */
  kill(): Promise<void>;
  /** Starts it again, on what it has stored. */
  restart(): Promise<void>;
}

/** True where nats-server is installed; CI installs it. */
export function hasServer(): boolean {
  try {
    return new Deno.Command("nats-server", { args: ["--version"] }).outputSync().success;
  } catch {
    if (Deno.env.get("CI")) throw new Error("nats-server is not installed, and CI needs it");
    return false;
  }
}

/** Settings of a server, beside its arguments. */
export interface ServerOptions {
  /** False to leave the options of JetStream to a configuration file. */
  readonly jetstream?: boolean;
  /** Start of the command line, for a server in a namespace. */
  readonly within?: readonly string[];
}

/** Runs something with a server, on a free port, with its files in a folder that is deleted afterwards. */
export async function withServer(
  body: (server: Server, folder: string) => Promise<void>,
  args: readonly string[] = [],
  { jetstream = true, within = [] }: ServerOptions = {},
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "temper-nats-" });
  const port = freePort();
  let child: Deno.ChildProcess | null = null;
  const start = async () => {
    const [command, ...before] = [...within, "nats-server"];
    child = new Deno.Command(command, {
      args: [
        ...before,
        ...(jetstream ? ["--jetstream", "--store_dir", `${folder}/nats`] : []),
        ...["-a", "127.0.0.1", "-p", `${port}`],
        ...args,
      ],
      stdout: "null",
      stderr: "null",
    }).spawn();
    if (!await listensSoon(port)) throw new Error(`no server listens on port ${port}`);
  };
  const kill = async () => {
    child?.kill("SIGKILL");
    await child?.status;
    child = null;
  };
  try {
    await start();
    const pid = () => child!.pid;
    await body({ url: `nats://127.0.0.1:${port}`, port, pid, kill, restart: start }, folder);
  } finally {
    await kill();
    await Deno.remove(folder, { recursive: true });
  }
}
