import type { Command } from "commander";
import { act, defineCommand, type Ending, requireLocal } from "../command.js";

export function statusCommand(ending: Ending): Command {
  const command = defineCommand(
    "status",
    "Show the local database: how to connect, size, version, pending migrations.",
    "pantler status --json",
  );
  return act(command, ending, async ({ options, project, output, paint }) => {
    await requireLocal("status", options.env);
    const { localStatus } = await import("../../environments/index.js");
    const { renderStatus, statusFields } = await import("../render-status.js");
    const status = await localStatus(project);
    output.result(statusFields(status), () => renderStatus(project, status, paint, []));
    return 0;
  });
}
