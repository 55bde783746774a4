import { join } from "node:path";

/** A reward that keeps a run from going on until it may. */
export interface Gate {
  /** The reward script. */
  readonly script: string;
  /** Lets every run go on. */
  open(): void;
}

/**
 * Writes a reward script that scores `free` times at once, and then only when the gate is open: so a
 * test can do something in the middle of a run, however fast the run and slow the test.
 */
export function writeGate(folder: string, free: number): Gate {
  const [script, opened] = ["gate.ts", "gate-is-open"].map((name) => join(folder, name));
  Deno.writeTextFileSync(
    script,
    `import { existsSync } from "node:fs";
    let times = 0;
    export default async (samples: { response: string }[]) => {
      if (++times > ${free}) {
        while (!existsSync(${JSON.stringify(opened)})) await new Promise((go) => setTimeout(go, 5));
      }
      return samples.map(({ response }) => response.length / 100);
    };`,
  );
  return { script, open: () => Deno.writeTextFileSync(opened, "") };
}
