/**
 * Configuration files and the heads of model cards in YAML. The package asks for the variables
 * LOG_TOKENS and LOG_STREAM, to debug itself: they are in the permission sets of deno.json.
 */
export * from "npm:yaml@2.9.1";
