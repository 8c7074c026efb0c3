import type { Command } from "commander";
import { act, defineCommand, type Ending } from "../command.js";

export function envListCommand(ending: Ending): Command {
  const command = defineCommand(
    "list",
    "List the environments: whether they can be reached, what is pending, the last deployment and proven backup.",
    "pantler env list",
  );
  return act(command, ending, async ({ project, output, paint }) => {
    const { listEnvironments } = await import("../../environments/index.js");
    const { environmentFields, renderEnvironments } = await import("../render-environments.js");
    const environments = await listEnvironments(project);
    output.result({ environments: environments.map(environmentFields) }, () =>
      renderEnvironments(environments, new Date(), paint),
    );
    return 0;
  });
}
