import { join } from "../../platform/paths.ts";
import { UserError } from "../../errors.ts";
import { listFolder, makeFolder, removeFile } from "../../platform/files.ts";
import { ioReason } from "../../platform/io_error.ts";
import { EventFile } from "../../formats/tensorboard.ts";

/** A row of `metrics.jsonl`. */
export type MetricsRow = { step: number } & Record<string, number | readonly number[]>;

/** A row's numbers, without its step and without arrays. */
function scalarsOf(row: MetricsRow): Record<string, number> {
  const { step: _, "time/unix": __, ...rest } = row;
  return Object.fromEntries(
    Object.entries(rest).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}

/** @throws {UserError} when a run has no metric of a name, with those that it has */
export function checkMetrics(rows: readonly MetricsRow[], names: readonly string[]): void {
  const known = [...new Set(rows.flatMap((row) => Object.keys(scalarsOf(row))))];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  if (known.length === 0) throw new UserError("the run has no metrics: it has not finished a step");
  throw new UserError(`there is no metric ${unknown}: the run has ${known.join(", ")}`);
}

/** Metrics as CSV (RFC 4180): a column a name, a line a step. Arrays are left out. */
export function metricsToCsv(rows: readonly MetricsRow[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(scalarsOf(row))))];
  const lines = rows.map((row) => [row.step, ...names.map((name) => scalarsOf(row)[name] ?? "")]);
  return [["step", ...names.map(csvField)], ...lines].map((cells) => cells.join(",") + "\r\n").join(
    "",
  );
}

/** A reward's name is a file's, which may have commas. */
function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Names of our event files: a folder may have those of other programs as well. */
const EVENTS = /^events\.out\.tfevents\.\d+\.temper$/;

/**
 * Starts a run's TensorBoard event file with the rows there are, in place of an earlier one.
 *
 * @param folder is created where it is missing; TensorBoard's `--logdir`
 * @throws {UserError} when it cannot be written
 */
export async function writeEvents(
  folder: string,
  rows: readonly MetricsRow[],
): Promise<EventFile> {
  try {
    await makeFolder(folder);
    // That of an earlier process has steps that were redone, and TensorBoard shows both.
    for (const { name } of await listFolder(folder)) {
      if (EVENTS.test(name)) await removeFile(join(folder, name));
    }
  } catch (error) {
    throw new UserError(`cannot write ${folder}: ${ioReason(error)}`, { cause: error });
  }
  const seconds = Math.floor(Date.now() / 1000);
  const file = new EventFile(join(folder, `events.out.tfevents.${seconds}.temper`));
  for (const row of rows) appendRow(file, row);
  return file;
}

/** Appends a row of metrics to an event file. */
export function appendRow(file: EventFile, row: MetricsRow): void {
  file.appendScalars(row.step, Number(row["time/unix"] ?? 0), scalarsOf(row));
}
