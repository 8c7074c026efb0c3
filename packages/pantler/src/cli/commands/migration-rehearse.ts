import type { Command } from "commander";
import { act, defineCommand, type Ending } from "../command.js";

export function rehearseCommand(ending: Ending): Command {
  const command = defineCommand(
    "rehearse",
    "Run the pending migrations on a copy of --env, restored from a fresh backup, and measure what they do.",
    "pantler migration rehearse --env production",
  )
    .option("--to <version>", "rehearse up to this version")
    .option("--include-all", "also those that are older than the newest applied one");
  return act<{ to?: string; includeAll?: boolean }>(command, ending, async (context) => {
    const { rehearseOnCopy } = await import("../../deploy/index.js");
    const { keysFromEnvironment, requireDrillKeys } = await import("../backup-keys.js");
    const { rehearsalFields } = await import("../rehearsal-fields.js");
    const { renderRehearsed } = await import("../render-rehearsal.js");
    const { renderRehearsal } = await import("../../migrations/index.js");
    const { summarize, summarizingFailure } = await import("../step-summary.js");
    const { options, output, paint, target, operate } = context;
    const environment = await target();
    requireDrillKeys(environment.environment, "Restoring the copy");
    const { to, includeAll } = options;
    const keys = keysFromEnvironment();
    const { backup, rehearsal } = await summarizingFailure("The rehearsal failed", () =>
      operate("migration rehearse", (operation, interrupt) =>
        rehearseOnCopy(environment, { to, includeAll }, "for a rehearsal", keys, operation, interrupt()),
      ),
    );
    await summarize(() => renderRehearsal(rehearsal));
    const proven = rehearsal.rollback.status;
    output.result({ backup: { id: backup.id, proven: true }, ...rehearsalFields(rehearsal) }, () =>
      renderRehearsed(rehearsal, paint),
    );
    return proven === "failed" || proven === "schema-differs" ? 1 : 0;
  });
}
