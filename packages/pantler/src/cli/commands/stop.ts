import type { Command } from "commander";
import { act, defineCommand, type Ending, requireLocal } from "../command.js";

export function stopCommand(ending: Ending): Command {
  const command = defineCommand("stop", "Stop the local database; its data stays.", "pantler stop");
  return act(command, ending, async ({ options, project, output, operate }) => {
    await requireLocal("stop", options.env);
    const { stopServer } = await import("../../engine/index.js");
    const stopped = await operate(undefined, (operation) =>
      operation.step("stop the local database", async (step) => {
        const running = await stopServer(project);
        if (!running) step.skip("it was not running");
        return running;
      }),
    );
    output.result({ stopped }, () =>
      stopped ? `${project.name} is stopped.` : `${project.name} was not running.`,
    );
    return 0;
  });
}
