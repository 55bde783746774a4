import { visibleLine } from "../visible_text.ts";

/** Dots of a braille character: [column][row], as bits of its code point. */
const DOTS = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]] as const;
const BLANK = 0x2800;

/**
 * Draws a curve with braille characters, two dots wide and four high each, under its title and with
 * its extremes at the side.
 *
 * @param values in order; those that are not finite leave a gap
 * @param size columns including the labels, and lines without the title
 * @returns the lines, without a line break at the end
 */
export function drawChart(
  title: string,
  values: readonly number[],
  { width, height }: { width: number; height: number },
): string {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return `${visibleLine(title)}\n(no values)`;
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const labels = [high, low].map((value) => value.toPrecision(4));
  const margin = Math.max(...labels.map((label) => label.length)) + 1;
  const columns = Math.max(1, width - margin);
  const cells = Array.from({ length: height }, () => new Array<number>(columns).fill(BLANK));
  const [dotsWide, dotsHigh] = [columns * 2, height * 4];
  let last: number | null = null;
  for (let x = 0; x < dotsWide; x++) {
    const value = valueAt(values, x / Math.max(1, dotsWide - 1) * (values.length - 1));
    if (!Number.isFinite(value)) {
      last = null;
      continue;
    }
    const share = high > low ? (value - low) / (high - low) : 0.5;
    const y = Math.round((1 - share) * (dotsHigh - 1));
    // A steep piece is drawn through, half of it in the column before.
    const from = last === null ? y : y + Math.trunc((last - y) / 2);
    for (let dot = Math.min(from, y); dot <= Math.max(from, y); dot++) put(cells, x, dot);
    if (last !== null) {
      for (let dot = Math.min(from, last); dot <= Math.max(from, last); dot++) {
        put(cells, x - 1, dot);
      }
    }
    last = y;
  }
  const lines = cells.map((row, index) => {
    const label = index === 0 ? labels[0] : index === height - 1 ? labels[1] : "";
    return `${label.padStart(margin - 1)} ${String.fromCharCode(...row)}`;
  });
  return [visibleLine(title), ...lines].join("\n");
}

/** Linear interpolation between two values; not finite where either is not. */
function valueAt(values: readonly number[], position: number): number {
  const before = Math.floor(position);
  const share = position - before;
  return share === 0 ? values[before] : (1 - share) * values[before] + share * values[before + 1];
}

function put(cells: number[][], x: number, y: number): void {
  cells[y >> 2][x >> 1] |= DOTS[x & 1][y & 3];
}
