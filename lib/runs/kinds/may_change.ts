/**
 * Settings that may differ when a run of any kind is resumed: how many steps there are, where they are
 * computed, and what is kept and shown of them. A kind adds its own to `RunKind.mayChange`.
 */
export const MAY_CHANGE: readonly string[] = [
  "steps",
  "saveEvery",
  "keep",
  "progress",
  "log",
  "datasetCache",
  "device",
  "threads",
  "autotune",
  "profile",
  "turbo",
];
