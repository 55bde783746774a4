/** Paths of files, in the form of the operating system. */
export { basename, dirname, extname, join, relative, resolve } from "node:path";
export { fileURLToPath, pathToFileURL } from "node:url";
