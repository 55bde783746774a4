/**
 * Machines of tests' own: namespaces of Linux, whose disk can be full and whose network can be cut. They
 * end with the processes that hold them, and leave nothing behind.
 */

/** Disk of a machine: a folder that is a file system of its own in the machine, and nowhere else. */
export interface Disk {
  /** Folder, which exists. */
  readonly folder: string;
  /** Size in KiB. */
  readonly kib: number;
}

/** True where this process may make namespaces, and `ip` (Debian: iproute2) is installed. */
export function hasNamespaces(): boolean {
  if (Deno.build.os !== "linux") return false;
  const script =
    "mount -t tmpfs -o size=64k tmpfs /mnt && ip link add name x type veth peer name y";
  try {
    return new Deno.Command("unshare", { args: ["-rmn", "sh", "-c", script] }).outputSync().success;
  } catch {
    return false;
  }
}

/** Namespace that a machine has of its own, by the name of the option of `nsenter`. */
type Space = "mount" | "net";

/** Processes with mounts or a network of their own. */
export class Machine implements AsyncDisposable {
  private constructor(
    private readonly holder: Deno.ChildProcess,
    private readonly own: Space,
  ) {}

  /** Starts a machine with a small disk; its network is that of this one. */
  static async withDisk({ folder, kib }: Disk): Promise<Machine> {
    return await Machine.#start(
      ["unshare", "-rm"],
      `mount -t tmpfs -o size=${kib}k tmpfs '${folder}'`,
      "mount",
    );
  }

  /** Starts two machines with a cable between them, and no other network. */
  static async pair(): Promise<readonly [Machine, Machine]> {
    const near = await Machine.#start(["unshare", "-rn"], "ip link set lo up", "net");
    // Both are in the user namespace of the first one, which may join them.
    const far = await Machine.#start(near.inside("unshare", "-n"), "ip link set lo up", "net");
    await near.run(
      `ip link add name ${CABLE} type veth peer name ${CABLE} netns ${far.holder.pid}`,
    );
    await near.run(`ip addr add ${NEAR}/24 dev ${CABLE} && ip link set ${CABLE} up`);
    await far.run(`ip addr add ${FAR}/24 dev ${CABLE} && ip link set ${CABLE} up`);
    return [near, far];
  }

  static async #start(
    [command, ...args]: readonly string[],
    script: string,
    own: Space,
  ): Promise<Machine> {
    const holder = new Deno.Command(command, {
      args: [...args, "sh", "-c", `${script} && echo ready && exec cat`],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    // It ends with this process, whose end closes its standard input.
    const reader = holder.stdout.getReader();
    const { value } = await reader.read();
    reader.releaseLock();
    if (!value) throw new Error(`${command} ${args.join(" ")}: ${script} failed`);
    return new Machine(holder, own);
  }

  /** Root of its files, as other processes see it. */
  get root(): string {
    return `/proc/${this.holder.pid}/root`;
  }

  /** Command line that runs a command in the machine. */
  inside(...command: string[]): string[] {
    const target = ["--target", `${this.holder.pid}`, "--user", "--preserve-credentials"];
    return ["nsenter", ...target, `--${this.own}`, ...command];
  }

  /** Runs a shell's script in the machine. */
  async run(script: string): Promise<void> {
    const [command, ...args] = this.inside("sh", "-c", script);
    const { success, stderr } = await new Deno.Command(command, { args }).output();
    if (!success) throw new Error(`${script}: ${new TextDecoder().decode(stderr)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.holder.stdin.close();
    await this.holder.stdout.cancel();
    await this.holder.status;
  }
}

/** Name of both ends of a cable. */
const CABLE = "cable";
/** Addresses of its ends, from a block for documentation (RFC 5737), which leads nowhere else. */
export const NEAR = "192.0.2.1";
const FAR = "192.0.2.2";

/** Pulls the cable of a machine out, and plugs it in again after a while. */
export async function unplug(machine: Machine, milliseconds: number): Promise<void> {
  await machine.run(`ip link set ${CABLE} down`);
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  await machine.run(`ip link set ${CABLE} up`);
}
