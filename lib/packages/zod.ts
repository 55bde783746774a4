/** Validation of settings and of configuration files. */
export * as z from "./zod_names.ts";
