import { join, sep } from "node:path";

/**
 * Folder of the runs, and the only place that files are read from. Names that lead elsewhere, by `..`
 * or by a symbolic link, count as missing.
 */
export class RunsFolder {
  /** Path, as it was given. */
  readonly path: string;

  /** The folder need not exist yet: until then it has no runs. */
  constructor(path: string) {
    this.path = path;
  }

  /** Lists the folders in it, in no particular order; those with a `config.json` are runs. */
  names(): string[] {
    try {
      return Array.from(Deno.readDirSync(this.path))
        .filter((entry) => entry.isDirectory && !entry.name.startsWith("."))
        .map((entry) => entry.name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  /**
   * Resolves a path in a run, without symbolic links.
   *
   * @param run name of the run's folder, possibly from a request
   * @param name name of a file or folder in it; empty for the run itself
   * @returns null when the run has nothing of that name
   */
  resolve(run: string, name: string = ""): string | null {
    if (!isPlainName(run) || name.split("/").includes("..")) return null;
    try {
      const root = Deno.realPathSync(this.path);
      const path = Deno.realPathSync(join(root, run, name));
      const inside = join(root, run);
      return path === inside || path.startsWith(inside + sep) ? path : null;
    } catch {
      return null;
    }
  }

  /**
   * Reads the size of a run's file and its modification time in milliseconds, to detect changes. Alone
   * among these methods it does not resolve links, and so is fast. Null for a missing file.
   */
  stat(run: string, name: string): { size: number; mtime: number } | null {
    if (!isPlainName(run)) return null;
    try {
      const { size, mtime } = Deno.lstatSync(join(this.path, run, name));
      return { size, mtime: mtime?.getTime() ?? 0 };
    } catch {
      return null;
    }
  }

  /** Checks that a run has a file or folder. */
  has(run: string, name: string): boolean {
    return this.resolve(run, name) !== null;
  }

  /** Reads a run's text file; null for a missing one. */
  readText(run: string, name: string): string | null {
    const path = this.resolve(run, name);
    if (path === null) return null;
    try {
      // Opening a pipe would wait for its other end.
      return Deno.statSync(path).isFile ? Deno.readTextFileSync(path) : null;
    } catch {
      return null;
    }
  }

  /** Reads a run's JSON file with an object; null for a missing or broken one. */
  readJson(run: string, name: string): Record<string, unknown> | null {
    const text = this.readText(run, name);
    if (text === null) return null;
    try {
      const value = JSON.parse(text);
      return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
    } catch {
      return null;
    }
  }

  /**
   * Lists a run's {@linkcode checkpoints} that can be loaded as adapters, by name: the final one
   * first, then the one that measured best, then the latest.
   */
  adapters(run: string): string[] {
    const place = (name: string) => ["adapter", "best"].indexOf(name) >>> 0;
    return this.checkpoints(run).map(({ name }) => name)
      .filter((name) => this.adapterWeights(run, name) !== null)
      .sort((a, b) => place(a) - place(b));
  }

  /** Path of an adapter's weights, in PEFT's current format or that before 0.4; null without any. */
  adapterWeights(run: string, name: string): string | null {
    return this.resolve(run, `${name}/adapter_model.safetensors`) ??
      this.resolve(run, `${name}/adapter_model.bin`);
  }

  /** Lists the weights that a run has saved, the latest first, with the time in milliseconds since 1970. */
  checkpoints(run: string): { name: string; saved: number }[] {
    const path = this.resolve(run);
    if (path === null) return [];
    return Array.from(Deno.readDirSync(path))
      .filter(({ name, isDirectory }) =>
        isDirectory && /^(adapter|best|model|checkpoint-\d+)$/.test(name)
      )
      .map(({ name }) => ({ name, saved: Deno.statSync(join(path, name)).mtime?.getTime() ?? 0 }))
      .sort((a, b) => b.saved - a.saved || a.name.localeCompare(b.name, "en", { numeric: true }));
  }
}

/** Checks that a text names an entry of a folder: no separators, no way up. */
function isPlainName(name: string): boolean {
  // deno-lint-ignore no-control-regex
  return name !== "" && !name.startsWith(".") && !/[\\/\x00-\x1f]/.test(name);
}
