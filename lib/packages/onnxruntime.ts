/** Models in ONNX form. Loaded on first use: it is 140 MB on the disk. */
export * from "npm:onnxruntime-web@1.30.0";
