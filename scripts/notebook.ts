/** A cell of a notebook, as the format has it. */
export interface Cell {
  /** Content of the cell. */
  cell_type: "markdown" | "code";
  /** Its lines, each with its end. */
  source: string[];
}

/** Line of the example that reads its arguments, of which a notebook has none. */
const ARGUMENTS = /const \{ values: args \}[\s\S]*?\nconst steps = .*\nconst numSamples = .*\n/;

/**
 * Makes a notebook for Deno's Jupyter kernel of an example: its head is the first cell, and each
 * comment that starts with a number (`// 2.1 The model …`) opens a section of its own.
 */
export function notebookOf(example: string): string {
  const [, head, body] = /^\/\*\*\n([\s\S]*?)\n \*\/\n([\s\S]*)$/.exec(example)!;
  const title = head.replace(/^ \* ?/gm, "").replace(/```sh[\s\S]*?```\n+/, "");
  const code = body
    .replace(/import \{ parseArgs \} from "node:util";\n/, "")
    .replace(ARGUMENTS, "const steps = 30;\nconst numSamples = 64;\n");
  const [first, ...sections] = code.split(/^\/\/ (?=\d)/m);
  const cells: Cell[] = [markdown(`# ${title}`), source(first)];
  for (const section of sections) {
    const end = section.indexOf("\n");
    cells.push(markdown(`## ${section.slice(0, end)}`), source(section.slice(end)));
  }
  const notebook = {
    cells: cells.map((cell, index) => ({
      id: `cell-${index}`,
      ...cell,
      metadata: {},
      ...(cell.cell_type === "code" ? { execution_count: null, outputs: [] } : {}),
    })),
    metadata: {
      kernelspec: { display_name: "Deno", language: "typescript", name: "deno" },
      language_info: { file_extension: ".ts", mimetype: "text/x.typescript", name: "typescript" },
    },
    nbformat: 4,
    nbformat_minor: 5,
  };
  return JSON.stringify(notebook, null, 1) + "\n";
}

function markdown(text: string): Cell {
  return { cell_type: "markdown", source: linesOf(text) };
}

function source(text: string): Cell {
  return { cell_type: "code", source: linesOf(text) };
}

function linesOf(text: string): string[] {
  return text.trim().split(/(?<=\n)/);
}
