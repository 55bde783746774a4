import { seriesColor, themeColor } from "./chart_math.ts";

/** Height of the heading and the legend above a plot in a picture, in pixels. */
const HEAD = 56;
const FONT = "system-ui, sans-serif";

/** Name and colour of a line. */
type NamedLine = { label: string; color?: number };

/** Table of a chart as CSV (RFC 4180): a line a point, an empty field for a missing number. */
export function chartCsv(
  axis: "step" | "time",
  labels: readonly string[],
  x: readonly number[],
  values: readonly (readonly (number | null)[])[],
): string {
  const head = [axis === "step" ? "step" : "seconds", ...labels].map(csvField);
  const lines = x.map((place, i) => [place, ...labels.map((_, line) => values[line]?.[i] ?? "")]);
  return [head, ...lines].map((cells) => cells.join(",") + "\r\n").join("");
}

/** Downloads the points of a chart. */
export function downloadTable(
  title: string,
  axis: "step" | "time",
  lines: readonly NamedLine[],
  x: readonly number[],
  values: readonly (readonly (number | null)[])[],
): void {
  const csv = chartCsv(axis, lines.map(({ label }) => label), x, values);
  save(new Blob([csv], { type: "text/csv" }), `${fileName(title)}.csv`);
}

/** Downloads a chart as it is drawn, with its title and the names of its lines. */
export function downloadPicture(
  title: string,
  lines: readonly NamedLine[],
  box: HTMLElement,
): void {
  const plot = box.querySelector("canvas");
  if (!plot) return;
  const ratio = plot.width / plot.clientWidth;
  const picture = document.createElement("canvas");
  picture.width = plot.width;
  picture.height = plot.height + HEAD * ratio;
  const pen = picture.getContext("2d")!;
  pen.fillStyle = themeColor("--surface");
  pen.fillRect(0, 0, picture.width, picture.height);
  pen.drawImage(plot, 0, HEAD * ratio);
  pen.scale(ratio, ratio);
  pen.fillStyle = themeColor("--text");
  pen.font = `600 16px ${FONT}`;
  pen.fillText(title, 12, 22);
  pen.font = `13px ${FONT}`;
  let left = 12;
  lines.forEach(({ label, color }, i) => {
    pen.fillStyle = seriesColor(color ?? i);
    pen.fillRect(left, 35, 10, 10);
    pen.fillStyle = themeColor("--text");
    pen.fillText(label, left + 15, 44);
    left += 30 + pen.measureText(label).width;
  });
  picture.toBlob((blob) => blob && save(blob, `${fileName(title)}.png`));
}

export function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

function fileName(title: string): string {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
