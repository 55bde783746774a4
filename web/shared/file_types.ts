/** MIME types of the files that this project's servers send, by the ends of their names. */
const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  jsonl: "application/x-ndjson; charset=utf-8",
  svg: "image/svg+xml",
  ts: "application/typescript",
  wasm: "application/wasm",
};

/** MIME type of a file by the end of its name. */
export function fileType(name: string): string {
  return TYPES[name.split(".").at(-1)!] ?? "application/octet-stream";
}
