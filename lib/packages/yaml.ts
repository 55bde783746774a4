/** Configuration files and the heads of model cards in YAML. */
export * from "npm:yaml@2.9.1";
