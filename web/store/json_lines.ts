import { refuseSpecial } from "../../lib/platform/files.ts";

const NEWLINE = 0x0a;
/** Number of bytes before the offset that must be unchanged when reading goes on. */
const WITNESS = 64;
const CHUNK = 1 << 20;

/** A line of a file, with its place. */
export interface Line {
  /** Text, without the end of the line. */
  text: string;
  /** Offset of its first byte in the file. */
  offset: number;
  /** Number of bytes, without the end of the line. */
  length: number;
}

/**
 * Reader of a growing file of lines: each call of `read` gives the lines added since the last one. A
 * line counts once it has its end. A file that was cut or replaced, as by a resumed run, is read from
 * its start again.
 */
export class LineFollower {
  readonly #path: string;
  #offset = 0;
  #witness = new Uint8Array(0);

  /** Reads nothing yet. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Reads on, in chunks, so that large files leave room for other work.
   *
   * @param take receives the lines of each chunk
   * @param restart called first when the file is no longer the one read so far
   */
  async read(take: (lines: Line[]) => void, restart: () => void): Promise<void> {
    using file = await openIfThere(this.#path);
    const size = file ? (await file.stat()).size : 0;
    if (!file || size < this.#offset || !await this.#unchanged(file)) {
      if (this.#offset > 0) restart();
      this.#offset = 0;
      this.#witness = new Uint8Array(0);
    }
    if (!file) return;
    let chunk = CHUNK;
    while (this.#offset < size) {
      const bytes = await readAt(file, this.#offset, Math.min(chunk, size - this.#offset));
      const end = bytes.lastIndexOf(NEWLINE) + 1;
      if (end === 0) {
        // A line that is longer than the chunk, or one that is still being written.
        if (this.#offset + bytes.length >= size) return;
        chunk *= 2;
        continue;
      }
      take(splitLines(bytes.subarray(0, end), this.#offset));
      this.#offset += end;
      this.#witness = bytes.slice(Math.max(0, end - WITNESS), end);
    }
  }

  async #unchanged(file: Deno.FsFile): Promise<boolean> {
    const { length } = this.#witness;
    const bytes = await readAt(file, this.#offset - length, length);
    return bytes.length === length && bytes.every((byte, i) => byte === this.#witness[i]);
  }
}

/** Reads a line by its place. */
export async function readLineAt(
  path: string,
  { offset, length }: Omit<Line, "text">,
): Promise<string> {
  refuseSpecial(path);
  using file = await Deno.open(path);
  return new TextDecoder().decode(await readAt(file, offset, length));
}

/**
 * Reads whole lines spread evenly over a file, including the first and the last, without the rest:
 * small curves need no more.
 *
 * @param count maximum number of lines
 */
export async function sampleLines(path: string, count: number): Promise<string[]> {
  using file = await openIfThere(path);
  if (!file) return [];
  const { size } = await file.stat();
  if (size <= CHUNK) {
    const bytes = await readAt(file, 0, size);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    const lines = splitLines(bytes.subarray(0, end), 0).map(({ text }) => text);
    const last = lines.length - 1;
    if (lines.length <= count) return lines;
    return Array.from({ length: count }, (_, i) => lines[Math.round(i * last / (count - 1))]);
  }
  const lines: string[] = [];
  for (let i = 0; i < count - 1; i++) {
    const line = await firstLineFrom(file, Math.floor(i * size / (count - 1)), size);
    if (line !== null && line !== lines.at(-1)) lines.push(line);
  }
  const last = (await lastLinesOf(file, size)).at(-1);
  if (last !== undefined && last !== lines.at(-1)) lines.push(last);
  return lines;
}

/** Reads the last whole lines of a file: at least `count` where it has them, and what comes with them. */
export async function lastLines(path: string, count: number = 1): Promise<string[]> {
  using file = await openIfThere(path);
  return file ? await lastLinesOf(file, (await file.stat()).size, count) : [];
}

async function lastLinesOf(file: Deno.FsFile, size: number, count: number = 1): Promise<string[]> {
  for (let window = 1 << 14;; window *= 8) {
    const start = Math.max(0, size - window);
    const bytes = await readAt(file, start, size - start);
    const first = start === 0 ? 0 : bytes.indexOf(NEWLINE) + 1;
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    const lines = splitLines(bytes.subarray(first, Math.max(first, end)), 0);
    if (lines.length >= count || start === 0) return lines.map(({ text }) => text);
  }
}

/** Reads the first line that starts at an offset or after it. */
async function firstLineFrom(
  file: Deno.FsFile,
  offset: number,
  size: number,
): Promise<string | null> {
  const skip = offset === 0 ? 0 : 1;
  for (let window = 1 << 14;; window *= 8) {
    const bytes = await readAt(file, offset, Math.min(window, size - offset));
    const start = skip === 0 ? 0 : bytes.indexOf(NEWLINE) + 1;
    const end = bytes.indexOf(NEWLINE, start);
    if ((skip === 0 || start > 0) && end >= 0) {
      return new TextDecoder().decode(bytes.subarray(start, end));
    }
    if (offset + bytes.length >= size) return null;
  }
}

function splitLines(bytes: Uint8Array, base: number): Line[] {
  const decoder = new TextDecoder();
  const lines: Line[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, start);
    const text = decoder.decode(bytes.subarray(start, end));
    lines.push({ text, offset: base + start, length: end - start });
    start = end + 1;
  }
  return lines;
}

async function readAt(file: Deno.FsFile, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await file.seek(offset, Deno.SeekMode.Start);
  let done = 0;
  while (done < length) {
    const count = await file.read(bytes.subarray(done));
    if (count === null) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

async function openIfThere(path: string): Promise<Deno.FsFile | null> {
  try {
    // A pipe in a folder from someone else counts as missing.
    if (!Deno.statSync(path).isFile) return null;
    return await Deno.open(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
