import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import client from "../static/client.js" with { type: "text" };
import icon from "../static/icon.svg" with { type: "text" };
import base from "../static/style/base.css" with { type: "text" };
import start from "../static/start.js" with { type: "text" };
import charts from "../static/style/charts.css" with { type: "text" };
import forms from "../static/style/forms.css" with { type: "text" };
import frame from "../static/style/frame.css" with { type: "text" };
import narrowTables from "../static/style/narrow_tables.css" with { type: "text" };
import parts from "../static/style/parts.css" with { type: "text" };
import playground from "../static/style/playground.css" with { type: "text" };
import runPages from "../static/style/run_pages.css" with { type: "text" };
import tables from "../static/style/tables.css" with { type: "text" };

/** Style sheets, in an order in which later ones may override earlier ones. */
const STYLES = [
  ...[uplotStyle, base, frame, parts, forms, tables, runPages, narrowTables, charts],
  playground,
];

/** A file for the browser. */
export interface Asset {
  /** MIME type. */
  type: string;
  /** Content. */
  text: string;
  /** Content, compressed with gzip. */
  gzip: Uint8Array<ArrayBuffer>;
}

/** Type of scripts. */
const SCRIPT = "text/javascript; charset=utf-8";

/** Files under `/static/`, by name. They are part of the program, so nothing is read. */
export const ASSETS: Readonly<Record<string, Asset>> = {
  "client.js": asset(SCRIPT, client),
  "start.js": asset(SCRIPT, start.replace("client.js", versioned("client.js", client))),
  "style.css": asset("text/css; charset=utf-8", STYLES.join("\n")),
  "icon.svg": asset("image/svg+xml", icon),
};

/** Addresses of files, which change with the content and so can be cached for ever. */
export const ASSET_ADDRESSES = {
  script: address("start.js"),
  style: address("style.css"),
} as const;

/** Style sheet for a page that has it in itself, with its hash for content security policies. */
export const INLINE_STYLE = {
  text: ASSETS["style.css"].text,
  hash: `sha256-${createHash("sha256").update(ASSETS["style.css"].text).digest("base64")}`,
} as const;

function asset(type: string, text: string): Asset {
  return { type, text, gzip: new Uint8Array(gzipSync(text)) };
}

function address(name: string): string {
  return `/static/${versioned(name, ASSETS[name].text)}`;
}

/** Name of a file with a query that changes with its content. */
function versioned(name: string, text: string): string {
  return `${name}?v=${createHash("sha256").update(text).digest("hex").slice(0, 12)}`;
}
