import { importAsset } from "../../assets.ts";

/** The Hub's client, loaded when it is first needed: commands that need no Hub start without it. */
export function hubClient(): Promise<typeof import("../packages/hub.ts")> {
  return importAsset("lib/packages/hub.ts");
}
