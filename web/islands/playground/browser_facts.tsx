import type { JSX } from "preact";
import type { BrowserFacts } from "../../../lib/browser/protocol.ts";
import { formatCount } from "../../shared/format.ts";
import { Failure } from "./failure.tsx";

/** Says what training in this browser will use, and what it lacks. */
export function BrowserFactsLine(
  { facts, obstacle }: { facts: BrowserFacts | null; obstacle: string | null },
): JSX.Element {
  if (obstacle !== null) return <Failure message={`nothing can be trained here: ${obstacle}`} />;
  return (
    <div role="status" class="browser-facts muted">
      {facts === null
        ? <p>Looking at this browser…</p>
        : <ul>{describe(facts).map((sentence) => <li>{sentence}</li>)}</ul>}
    </div>
  );
}

function describe({ threads, gpu, gpuIsSoftware, storage }: BrowserFacts): string[] {
  return [
    typeof SharedArrayBuffer === "undefined"
      ? "One thread of the CPU: this page has no SharedArrayBuffer, as its server does not isolate " +
        "it. Training is slower, with the same results."
      : `${formatCount(threads, "thread")} of the CPU.`,
    gpu === null
      ? "No GPU: this browser offers none here (WebGPU). Training runs on the CPU."
      : gpuIsSoftware
      ? `No GPU, only one that the CPU emulates (${gpu}), slower than WebAssembly.`
      : `GPU: ${gpu}.`,
    storage
      ? "Runs are kept in this browser's storage, also when the tab is closed."
      : "This browser keeps no files for this page: a run is lost when its tab is closed. Download it first.",
  ];
}
