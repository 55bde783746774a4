/**
 * Runs commands as a person's terminal would: under a pseudo-terminal, where programs draw, colour
 * and ask questions that a pipe never shows. It takes `script` of util-linux, which Linux has.
 */

/** Size of the terminal, that of the oldest ones. */
const ROWS = 24;
const COLUMNS = 80;

/** Question of Deno for a permission. */
const PERMISSION_PROMPT = /Deno requests .* access|\[y\/n/;

/** Key presses, as bytes of a terminal. */
export const CTRL_C = "\x03";

/** Keys that are pressed once the command has shown something. */
export interface KeyPress {
  /**
   * Text to wait for, without colours and other escape sequences, among what has been shown since the
   * keys before these: what they were pressed for can't be taken for what they lead to.
   */
  readonly after: RegExp;
  /** Characters that are sent. */
  readonly keys: string;
}

/** Settings of {@linkcode runInTerminal}. */
export interface TerminalOptions {
  /** Working folder. */
  readonly cwd?: string;
  /** Variables above those of this process. */
  readonly env?: Record<string, string>;
  /** Seconds after which the command counts as hanging, and is killed. */
  readonly seconds?: number;
  /** Keys to press, in their order. Nobody answers otherwise, and standard input stays open. */
  readonly press?: readonly KeyPress[];
}

/** Outcome of a command in a terminal. */
export interface TerminalOutcome {
  /** Exit code; null where the command did not end by itself. */
  readonly code: number | null;
  /** Reason why it was killed: it asked for a permission, or took too long. Null otherwise. */
  readonly killed: "prompt" | "timeout" | null;
  /**
   * Text sent to the terminal, escape sequences included. Where keys were still to be pressed when the
   * time was up, a last line says what was waited for.
   */
  readonly output: string;
}

/**
 * Runs a shell command under a pseudo-terminal of 80 columns, and kills it when it asks for a
 * permission or does not end in time.
 */
export async function runInTerminal(
  command: string,
  { cwd, env, seconds = 60, press = [] }: TerminalOptions = {},
): Promise<TerminalOutcome> {
  // As in a person's shell, Ctrl-C ends the command and not the shell, which tells how it ended.
  const script = `stty rows ${ROWS} cols ${COLUMNS}; trap : INT; ${command}`;
  const child = new Deno.Command("script", {
    args: ["-qefc", script, "/dev/null"],
    cwd,
    env: { SHELL: "/bin/sh", TERM: "xterm-256color", ...env },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  let killed: TerminalOutcome["killed"] = null;
  const kill = (why: TerminalOutcome["killed"]) => {
    if (killed !== null) return;
    killed = why;
    // The kernel then hangs up on everything that runs in the terminal.
    child.kill("SIGKILL");
  };
  const timer = setTimeout(() => kill("timeout"), seconds * 1000);
  const keyboard = child.stdin.getWriter();
  const type = (keys: string) => keyboard.write(new TextEncoder().encode(keys));
  const left = [...press];
  let output = "";
  /** End of the output that came before the last keys. */
  let seen = 0;
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += part;
    if (PERMISSION_PROMPT.test(plainText(output))) kill("prompt");
    if (left.length > 0 && left[0].after.test(plainText(output.slice(seen)))) {
      seen = output.length;
      await type(left.shift()!.keys);
    }
  }
  const { code } = await child.status;
  clearTimeout(timer);
  await keyboard.close().catch(() => {});
  if (killed === "timeout" && left.length > 0) {
    output += `\n[${left.length} of ${press.length} keys were not pressed: no ${left[0].after}]`;
  }
  return { code: killed === null ? code : null, killed, output };
}

/** Text without the escape sequences of ECMA-48 for colours, the cursor and erasing. */
export function plainText(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[[0-9;?]*[ -/]*[@-~]/g, "");
}
