/** Output of a cell, as the format has it. */
export interface CellOutput {
  /** Printed text, or something richer that the cell's last line shows. */
  output_type: "stream" | "execute_result";
  [key: string]: unknown;
}

/** A cell of a notebook, as the format has it. */
export interface Cell {
  /** Content of the cell. */
  cell_type: "markdown" | "code";
  /** Its lines, each with its end. */
  source: string[];
  /** Outputs of a cell of code. */
  outputs?: CellOutput[];
}

/** Line that starts a cell, in the percent format that Jupytext and editors know. */
const MARKER = /^\/\/ %%( \[markdown\])?\n/m;
/** Lines of the example that read its arguments, of which a notebook has none. */
const ARGUMENTS =
  /const \{ values: args \}[\s\S]*?\nconst steps = .*\nconst numSamples = .*\nconst inNotebook = .*\n/;

/**
 * Makes the cells of a notebook for Deno's Jupyter kernel of an example: its head is the first, and
 * `// %%` and `// %% [markdown]` start the others.
 */
export function cellsOf(example: string): Cell[] {
  const [, head, body] = /^\/\*\*\n([\s\S]*?)\n \*\/\n([\s\S]*)$/.exec(example)!;
  const title = head.replace(/^ \* ?/gm, "").replace(/```sh[\s\S]*?```\n+/, "");
  const code = body
    .replace(/import \{ parseArgs \} from "node:util";\n/, "")
    .replace(ARGUMENTS, "const steps = 30;\nconst numSamples = 64;\nconst inNotebook = true;\n");
  const [, ...parts] = code.split(MARKER);
  const cells: Cell[] = [{ cell_type: "markdown", source: linesOf(`# ${title}`) }];
  for (let i = 0; i < parts.length; i += 2) {
    const text = parts[i + 1];
    cells.push(
      parts[i]
        ? { cell_type: "markdown", source: linesOf(text.replace(/^\/\/ ?/gm, "")) }
        : { cell_type: "code", source: linesOf(text) },
    );
  }
  return cells;
}

/** The notebook of an example, without outputs, or with those of its cells of code, in order. */
export function notebookOf(example: string, outputs: readonly CellOutput[][] = []): string {
  let executed = 0;
  const notebook = {
    cells: cellsOf(example).map((cell, index) => {
      const base = { id: `cell-${index}`, ...cell, metadata: {} };
      if (cell.cell_type === "markdown") return base;
      const shown = outputs[executed++];
      if (shown === undefined) return { ...base, execution_count: null, outputs: [] };
      return {
        ...base,
        execution_count: executed,
        outputs: shown.map((output) =>
          output.output_type === "stream" ? output : { ...output, execution_count: executed }
        ),
      };
    }),
    metadata: {
      kernelspec: { display_name: "Deno", language: "typescript", name: "deno" },
      language_info: { file_extension: ".ts", mimetype: "text/x.typescript", name: "typescript" },
    },
    nbformat: 4,
    nbformat_minor: 5,
  };
  return JSON.stringify(notebook, null, 1) + "\n";
}

/**
 * The outputs of a notebook's cells of code, for a new one of the same code: of other code they
 * would not be.
 */
export function outputsFor(example: string, notebook: string): CellOutput[][] {
  const { cells } = JSON.parse(notebook) as { cells: Cell[] };
  const codeOf = (cells: readonly Cell[]) => cells.filter(({ cell_type }) => cell_type === "code");
  const [now, then] = [cellsOf(example), cells].map(codeOf);
  const text = (cells: readonly Cell[]) => JSON.stringify(cells.map(({ source }) => source));
  return text(now) === text(then) ? then.map(({ outputs }) => outputs ?? []) : [];
}

/** Line that a recorded script prints before the outputs of a cell. */
const BEGINS = "\u0001cell";
/** Mark of a line with something richer than text. */
const SHOWN = "\u0001show";

/** A script of a notebook's cells of code whose standard output {@linkcode recordedOutputs} reads. */
export function recordingScript(cells: readonly Cell[]): string {
  const code = cells.filter(({ cell_type }) => cell_type === "code").map(({ source }) =>
    // The last line's value is what a notebook shows.
    `console.log(${JSON.stringify(BEGINS)});\n` +
    source.join("").replace(/^show\(([\s\S]*)\);$/m, "display(show($1));")
  );
  return `const display = (value) => console.log(${
    JSON.stringify(SHOWN)
  } + JSON.stringify(value[Symbol.for("Jupyter.display")]()));\n${code.join("\n")}\n`;
}

/** The outputs of each cell of code, from what a recording script printed. */
export function recordedOutputs(printed: string): CellOutput[][] {
  return printed.split(`${BEGINS}\n`).slice(1).map((cell) => {
    const lines = linesOf(cell);
    const text = lines.filter((line) => line !== "" && !line.startsWith(SHOWN));
    const shown = lines.filter((line) => line.startsWith(SHOWN))
      .map((line) => JSON.parse(line.slice(SHOWN.length)) as Record<string, string>);
    return [
      ...(text.length > 0 ? [{ output_type: "stream" as const, name: "stdout", text }] : []),
      ...shown.map((bundle) => ({
        output_type: "execute_result" as const,
        data: Object.fromEntries(
          Object.entries(bundle).map(([type, value]) => [type, linesOf(value)]),
        ),
        metadata: {},
      })),
    ];
  });
}

function linesOf(text: string): string[] {
  return text.trim().split(/(?<=\n)/);
}
