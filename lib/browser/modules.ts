/** Modules that are loaded on first use, which a bundle finds by their paths in the repository. */
import { UserError } from "../errors.ts";
import { provideModules } from "../platform/browser/own_modules.ts";

const NO_ONNX = "ONNX models are not available in a browser: use a classifier in safetensors, or " +
  "train on a machine with Deno";

provideModules({
  "lib/cluster/worker.ts": () => import("../cluster/worker.ts"),
  "lib/data/parquet_thread.ts": () => import("../data/parquet_thread.ts"),
  "lib/data/template_thread.ts": () => import("../data/template_thread.ts"),
  "lib/data/tokenizer_thread.ts": () => import("../data/tokenizer_thread.ts"),
  "lib/packages/hub.ts": () => import("../packages/browser/hub.ts"),
  "lib/packages/onnxruntime.ts": () => Promise.reject(new UserError(NO_ONNX)),
});
