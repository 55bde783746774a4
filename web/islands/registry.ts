import type { ComponentProps } from "preact";
import { RunCharts } from "./run_charts.tsx";
import { RunStatus } from "./run_status.tsx";
import { RunsTable } from "./runs_table.tsx";

/** The components that live in the browser, by the names that pages and client share. */
export const ISLANDS = { RunCharts, RunStatus, RunsTable } as const;

/** Name of an island. */
export type IslandName = keyof typeof ISLANDS;

/** What an island takes. */
export type IslandProps<N extends IslandName> = ComponentProps<typeof ISLANDS[N]>;
