import type { Target } from "../../engine/index.js";

/** The command that brings back the rows that an environment held. */
export function undoCommand(backup: string, { environment }: Target): string {
  const confirmation = environment.protected ? `--confirm ${environment.name}` : "--yes";
  return `pantler restore ${backup} --env ${environment.name} --data-only ${confirmation}`;
}
