/** Validation of settings and of configuration files. */
export * from "npm:zod@4.6.7";
