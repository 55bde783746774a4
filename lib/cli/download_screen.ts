import type { DownloadProgress } from "../hub/download.ts";
import type { DatasetHooks } from "../runs/loading/dataset.ts";
import { visibleLine } from "../visible_text.ts";
import { bar, CLEAR_LINE, LONGEST_BAR, SHORTEST_BAR } from "./progress.ts";
import { type Terminal, terminal } from "./terminal.ts";
import { displayWidth, truncate } from "./text_layout.ts";

/** Milliseconds between two drawings of the same line. */
const REDRAW = 100;

/**
 * Shows downloads on standard error: on a terminal one line that redraws itself, else a line when a
 * repository's download begins and one when it is complete. What there is to say of the dataset's
 * cache goes there as well.
 *
 * @param options for tests
 */
export function downloadScreen(
  { out = terminal("stderr"), now = () => performance.now() }: {
    out?: Terminal;
    now?: () => number;
  } = {},
): Required<Omit<DatasetHooks, "datasetCacheFolder">> {
  let current = "";
  let drawn = -Infinity;
  return {
    downloading({ repo: name, loaded, total }: DownloadProgress): void {
      const repo = visibleLine(name);
      const complete = loaded === total;
      const begins = repo !== current;
      current = complete ? "" : repo;
      if (!out.interactive) {
        if (complete) out.write(`downloaded ${repo}\n`);
        else if (begins) out.write(`downloading ${repo} (${formatBytes(total - loaded)})\n`);
        return;
      }
      if (!complete && !begins && now() - drawn < REDRAW) return;
      drawn = now();
      out.draw(CLEAR_LINE + progressLine({ repo, loaded, total }, out) + (complete ? "\n" : ""));
    },
    info: (text: string) => out.write(`${text}\n`),
    outdated(notice: string): void {
      out.write(`${current === "" ? "" : "\n"}${notice}\n`);
      current = "";
    },
  };
}

function progressLine({ repo, loaded, total }: DownloadProgress, out: Terminal): string {
  const text = `${formatBytes(loaded)} of ${formatBytes(total)}`;
  // The last column stays free: writing there makes some terminals wrap.
  const room = out.width - 1 - displayWidth(repo) - displayWidth(text) - 3;
  if (room < SHORTEST_BAR) return truncate(`${repo}  ${text}`, out.width - 1);
  const share = total === 0 ? 1 : loaded / total;
  return `${repo} ${bar(share, Math.min(room, LONGEST_BAR), out.color)}  ${text}`;
}

/** A size for people, in powers of 1000 as file managers and the Hub count: `990 MB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${value < 9.95 && unit > 0 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`;
}
