/** End of a process. */
export interface ProcessEnd {
  /** Exit code; null where it did not end in its time. */
  readonly code: number | null;
  /** Signal that ended it. */
  readonly signal: string | null;
  /** End of its standard error. */
  readonly complaint: string;
}

/** Options of a process. */
export interface LimitedProcess {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Seconds after which it is killed. */
  readonly limit: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
  /** Called with each line of its standard output. */
  onLine(line: string): void;
}

/** Longest part of standard error that is kept, in characters. */
const COMPLAINT = 2000;
/** A process that hangs in its driver may not even die: it is left behind after this time, in ms. */
const GRACE = 3000;

/** Runs Deno until it ends or its time is up. */
export async function runLimited(
  { args, env, cwd, limit, signal, onLine }: LimitedProcess,
): Promise<ProcessEnd> {
  const child = new Deno.Command(Deno.execPath(), {
    ...{ args: [...args], env: { ...env, NO_COLOR: "1" }, cwd },
    ...{ stdin: "null", stdout: "piped", stderr: "piped" },
    // With a process group of its own, so that what it has started dies with it.
    detached: true,
  }).spawn();
  let complaint = "";
  const stdout = eachLine(child.stdout, onLine);
  const stderr = eachLine(child.stderr, (line) => {
    complaint = `${complaint}${line}\n`.slice(-COMPLAINT);
  });
  const whole = Promise.all([child.status, stdout, stderr]);
  const over = Promise.withResolvers<null>();
  const timer = setTimeout(() => over.resolve(null), limit * 1000);
  const abort = () => over.resolve(null);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    let ended = await Promise.race([whole, over.promise]);
    if (ended) return { code: ended[0].code, signal: ended[0].signal, complaint: complaint.trim() };
    killGroup(child.pid);
    let grace;
    const patience = new Promise<null>((resolve) => grace = setTimeout(resolve, GRACE, null));
    ended = await Promise.race([whole, patience]);
    clearTimeout(grace);
    if (!ended) child.unref();
    return { code: null, signal: null, complaint: complaint.trim() };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

function killGroup(leader: number): void {
  try {
    Deno.kill(-leader, "SIGKILL");
  } catch {
    // It has just ended by itself.
  }
}

async function eachLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.forEach(onLine);
  }
  if (rest) onLine(rest);
}
