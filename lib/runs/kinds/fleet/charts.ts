import type { ChartSpec } from "../chart_spec.ts";

/** Charts of what workers on other machines do for a run; empty, and not shown, without them. */
export const FLEET_CHARTS: readonly ChartSpec[] = [
  {
    id: "fleet-wait",
    title: "Workers: waiting",
    help: "Seconds that the trainer waited for responses, and to store the policy for workers.",
    unit: "s",
    series: [
      { metric: "queue_wait_time_s", label: "for responses" },
      { metric: "weight_sync_time_s", label: "storing the policy" },
    ],
    optional: true,
  },
  {
    id: "fleet-rate",
    title: "Workers: speed",
    help: "Tokens per second of a worker while it generates and scores.",
    unit: "tokens/s",
    series: [{ metric: "generation_tok_per_s", label: "tokens per second" }],
    optional: true,
  },
  {
    id: "fleet-ahead",
    title: "Workers: ahead",
    help:
      "Responses of later steps that are ready, and steps between their policy and the trained one.",
    unit: "",
    rightUnit: "steps",
    series: [
      { metric: "buffer_qsize", label: "responses ready" },
      { metric: "staleness", label: "staleness", right: true },
    ],
    optional: true,
  },
];
