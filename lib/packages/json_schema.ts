/** Validation by JSON schemas, without compiling code. Loaded on first use. */
export { Validator } from "npm:@cfworker/json-schema@4.1.6";
