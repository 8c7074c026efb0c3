import { randomBytes } from "node:crypto";

/** The id of something that is kept: the moment, and something random so that two of one second differ. */
export function newId(now: Date): string {
  const stamp = now.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  return `${stamp}-${randomBytes(3).toString("hex")}`;
}
