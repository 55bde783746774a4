import { join, sep } from "node:path";

/**
 * The folder whose runs are shown, and the only place that files are read from: names that lead
 * elsewhere, by `..` or by a symbolic link, are as if they did not exist.
 */
export class RunsFolder {
  /** As it was given. */
  readonly path: string;

  /** `path` need not exist yet: a folder without runs is what it is until then. */
  constructor(path: string) {
    this.path = path;
  }

  /** Names of the folders in it, unsorted. Whether each is a run, its `config.json` tells. */
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
   * Path of something in a run, without symbolic links.
   *
   * @param run name of the run's folder, possibly from a request
   * @param name of a file or folder in it; nothing for the run itself
   * @returns null when there is nothing of that name in the run
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
   * Size and time in milliseconds of a run's file, to see whether it has changed: the one thing that
   * does not follow the name to where it leads, and so is quick. Null when there is none.
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

  /** Whether a run has a file or folder of this name. */
  has(run: string, name: string): boolean {
    return this.resolve(run, name) !== null;
  }

  /** Text of a run's file; null when there is none. */
  readText(run: string, name: string): string | null {
    const path = this.resolve(run, name);
    if (path === null) return null;
    try {
      return Deno.readTextFileSync(path);
    } catch {
      return null;
    }
  }

  /** A run's JSON file that holds an object; null when there is none or it is broken. */
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

  /** Those of a run's {@linkcode checkpoints} that can be loaded as an adapter, by name. */
  adapters(run: string): string[] {
    return this.checkpoints(run).map(({ name }) => name)
      .filter((name) => this.adapterWeights(run, name) !== null);
  }

  /** File of an adapter's weights, in PEFT's format of today or that before 0.4. */
  adapterWeights(run: string, name: string): string | null {
    return this.resolve(run, `${name}/adapter_model.safetensors`) ??
      this.resolve(run, `${name}/adapter_model.bin`);
  }

  /** What a run has saved of its policy, the latest first, with when: milliseconds since 1970. */
  checkpoints(run: string): { name: string; saved: number }[] {
    const path = this.resolve(run);
    if (path === null) return [];
    return Array.from(Deno.readDirSync(path))
      .filter(({ name, isDirectory }) =>
        isDirectory && /^(adapter|model|checkpoint-\d+)$/.test(name)
      )
      .map(({ name }) => ({ name, saved: Deno.statSync(join(path, name)).mtime?.getTime() ?? 0 }))
      .sort((a, b) => b.saved - a.saved || a.name.localeCompare(b.name, "en", { numeric: true }));
  }
}

/** Whether a text is the name of one entry of a folder: no separators, no way up. */
function isPlainName(name: string): boolean {
  // deno-lint-ignore no-control-regex
  return name !== "" && !name.startsWith(".") && !/[\\/\x00-\x1f]/.test(name);
}
