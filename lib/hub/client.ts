import { importAsset } from "../../assets.ts";

/** Loads the Hub's client when it is first needed: commands without the Hub start faster. */
export function hubClient(): Promise<typeof import("../packages/hub.ts")> {
  return importAsset("lib/packages/hub.ts");
}
