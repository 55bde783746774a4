/** Advice where there is no adapter, for the end of a message. */
export const NO_ADAPTER_ADVICE: string =
  "this browser offers none here; update it and the GPU's driver, or use `device` wasm";
