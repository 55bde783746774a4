/**
 * Temper for web pages: the exports of `mod.ts`; {@linkcode TemperWorker}, which trains in a worker
 * of the page; and functions for the files of such a worker. docs/browser.md explains them, with an
 * example of 15 lines.
 *
 * @module
 */
import "./lib/browser/modules.ts";

export * from "./mod.ts";
export {
  type PageReward,
  type RunListeners,
  type StartOptions,
  type TabOptions,
  type TabRun,
  type TabWork,
  TemperWorker,
  type WorkListeners,
} from "./lib/browser/page.ts";
export {
  folderFiles,
  putFiles,
  readDirectory,
  writeDirectory,
  zipFolder,
} from "./lib/browser/page_files.ts";
export type {
  BrowserFacts,
  FileBody,
  FolderBody,
  FolderFile,
  KeptRun,
  RunEvents,
  RunOutcome,
  WorkerSettings,
  WorkEvents,
  WorkOrder,
} from "./lib/browser/protocol.ts";
export type { Answer, Answers, ChatBefore, Question } from "./lib/runs/commands/side_by_side.ts";
export { serveWorker } from "./lib/browser/worker.ts";
