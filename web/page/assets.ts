import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import client from "../static/client.js" with { type: "text" };
import icon from "../static/icon.svg" with { type: "text" };
import style from "../static/style.css" with { type: "text" };

/** A file for the browser. */
export interface Asset {
  /** MIME type. */
  type: string;
  /** Content. */
  text: string;
  /** Content, compressed with gzip. */
  gzip: Uint8Array<ArrayBuffer>;
}

/** Files under `/static/`, by name. They are part of the program, so nothing is read. */
export const ASSETS: Readonly<Record<string, Asset>> = {
  "client.js": asset("text/javascript; charset=utf-8", client),
  "style.css": asset("text/css; charset=utf-8", uplotStyle + "\n" + style),
  "icon.svg": asset("image/svg+xml", icon),
};

/** Addresses of files, which change with the content and so can be cached for ever. */
export const ASSET_ADDRESSES = {
  script: address("client.js"),
  style: address("style.css"),
} as const;

function asset(type: string, text: string): Asset {
  return { type, text, gzip: new Uint8Array(gzipSync(text)) };
}

function address(name: string): string {
  const hash = createHash("sha256").update(ASSETS[name].text).digest("hex");
  return `/static/${name}?v=${hash.slice(0, 12)}`;
}
