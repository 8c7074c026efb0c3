import type { Command } from "commander";
import { act, defineCommand, type Ending, requireLocal } from "../command.js";

export function startCommand(ending: Ending): Command {
  const command = defineCommand(
    "start",
    "Start the local database. The first time: initialise it, apply the migrations, run the checks, seed.",
    "pantler start",
  );
  return act(command, ending, async ({ options, project, output, paint, operate }) => {
    await requireLocal("start", options.env);
    const { startLocal } = await import("../../environments/index.js");
    const { renderStatus, statusFields } = await import("../render-status.js");
    const { status, fresh, checks } = await operate("start", (operation, interrupt) =>
      startLocal(project, operation, interrupt()),
    );
    const failed = checks.filter((check) => check.outcome === "failed");
    output.result({ ...statusFields(status), fresh, checks }, () =>
      renderStatus(project, status, paint, checks),
    );
    return failed.length > 0 ? 1 : 0;
  });
}
