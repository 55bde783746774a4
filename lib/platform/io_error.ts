/** Meaning of the operating system's error codes, in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file would be larger than this disk or user may hold",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the disk is read-only",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is a file, not a folder",
  ENOTEMPTY: "it is a folder that is not empty",
  ENAMETOOLONG: "the name is too long",
  EMFILE: "too many files are open",
  EIO: "the disk failed to read or write (I/O error)",
};

/** Reason why reading or writing a file failed, in words, from the error that was thrown. */
export function ioReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as Error & { code?: string }).code;
  return REASONS[code ?? ""] ?? error.message;
}
