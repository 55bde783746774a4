import type { ComponentProps } from "preact";
import { CompareCharts } from "./compare_charts.tsx";
import { Playground } from "./playground/playground.tsx";
import { WorkHere } from "./playground/work_here.tsx";
import { PromptHistory } from "./prompt_history.tsx";
import { RunCharts } from "./run_charts.tsx";
import { RunStatus } from "./run_status.tsx";
import { RunWorkers } from "./run_workers.tsx";
import { RunsTable } from "./runs_table.tsx";
import { TryChat } from "./try_chat.tsx";
import { TryForm } from "./try_form.tsx";

/** Components that run in the browser, by the names that pages and client share. */
export const ISLANDS = {
  CompareCharts,
  Playground,
  PromptHistory,
  RunCharts,
  RunStatus,
  RunWorkers,
  RunsTable,
  TryChat,
  TryForm,
  WorkHere,
} as const;

/** Name of an island. */
export type IslandName = keyof typeof ISLANDS;

/** Properties of an island. */
export type IslandProps<N extends IslandName> = ComponentProps<typeof ISLANDS[N]>;
