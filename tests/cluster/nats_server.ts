import { withTempDir } from "../temp_dir.ts";

/** A NATS server of its own, which can be killed and started again. */
export interface Server {
  readonly url: string;
  readonly port: number;
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

/** Runs a test with a server, on a free port, with its files in a folder that is deleted. */
export async function withServer(
  test: (server: Server, folder: string) => Promise<void>,
  args: readonly string[] = [],
  { jetstream = true }: { jetstream?: boolean } = {},
): Promise<void> {
  await withTempDir(async (folder) => {
    const port = freePort();
    let child: Deno.ChildProcess | null = null;
    const start = async () => {
      child = new Deno.Command("nats-server", {
        args: [
          ...(jetstream ? ["--jetstream", "--store_dir", `${folder}/nats`] : []),
          ...["-a", "127.0.0.1", "-p", `${port}`],
          ...args,
        ],
        stdout: "null",
        stderr: "null",
      }).spawn();
      await listening(port);
    };
    const kill = async () => {
      child?.kill("SIGKILL");
      await child?.status;
      child = null;
    };
    await start();
    try {
      await test({ url: `nats://127.0.0.1:${port}`, port, kill, restart: start }, folder);
    } finally {
      await kill();
    }
  });
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  throw new Error(`no server listens on port ${port}`);
}
