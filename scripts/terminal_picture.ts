/**
 * Draws a terminal's text as an SVG: the README's pictures are real output.
 *
 * deno run -A cli.ts train | deno run scripts/terminal_picture.ts "deno run -A cli.ts train" > docs/images/train.svg
 */
const FONT_SIZE = 13;
const LINE_HEIGHT = 18;
const CHARACTER_WIDTH = 7.83;
const MARGIN = 16;

const [command] = Deno.args;
const text = await new Response(Deno.stdin.readable).text();
const lines = [`$ ${command}`, ...text.trimEnd().split("\n")];
const width = Math.ceil(
  Math.max(...lines.map((line) => line.length)) * CHARACTER_WIDTH + 2 * MARGIN,
);
const height = lines.length * LINE_HEIGHT + 2 * MARGIN;
const escape = (line: string) =>
  line.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const rows = lines.map((line, i) => {
  const color = i === 0 ? "#7ee787" : "#e6edf3";
  const y = MARGIN + (i + 0.75) * LINE_HEIGHT;
  return `<text x="${MARGIN}" y="${y}" fill="${color}" xml:space="preserve">${escape(line)}</text>`;
});
console.log(
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" role="img" ` +
    `aria-label="Terminal: ${escape(command).replaceAll('"', "&quot;")}" ` +
    `font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="${FONT_SIZE}">`,
);
console.log(`<rect width="100%" height="100%" rx="8" fill="#0d1117"/>`);
console.log(rows.join("\n"));
console.log("</svg>");
