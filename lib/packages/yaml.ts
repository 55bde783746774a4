/**
 * Configuration files and the heads of model cards in YAML. The package reads its debugging
 * variables LOG_TOKENS and LOG_STREAM, which are therefore in the permission sets of deno.json.
 */
export * from "npm:yaml@2.9.1";
