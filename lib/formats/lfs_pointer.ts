import { UserError } from "../errors.ts";

/** Beginnings of a Git LFS pointer, by the specification of today and the one before. */
const BEGINNINGS = [
  "version https://git-lfs.github.com/spec/",
  "version https://hawser.github.com/spec/",
];

/** Maximum size of a pointer in bytes, by the specification (git-lfs, docs/spec.md). */
export const MAX_POINTER_BYTES = 1024;

/**
 * Refuses a Git LFS pointer: the text that `git clone` leaves in a file's place without git-lfs.
 *
 * @param path path of the file, for messages
 * @param bytes the file, or its first bytes
 * @throws {UserError} when it is one
 */
export function refusePointer(path: string, bytes: Uint8Array): void {
  const beginning = new TextDecoder().decode(bytes.subarray(0, 48));
  if (!BEGINNINGS.some((text) => beginning.startsWith(text))) return;
  throw new UserError(
    `${path} is a Git LFS pointer, not the file itself: run "git lfs pull" in its repository, or download it again`,
  );
}
