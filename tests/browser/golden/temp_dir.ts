/** A folder of a page's files: takes the place of tests/temp_dir.ts. */
import { files } from "../../../lib/platform/browser/file_tree.ts";

/** Runs a test's body with a fresh folder that is removed afterwards. */
export async function withTempDir(body: (dir: string) => void | Promise<void>): Promise<void> {
  const dir = "/temporary";
  files.makeFolder(dir);
  try {
    await body(dir);
  } finally {
    files.remove(dir);
  }
}
