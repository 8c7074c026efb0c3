import { Command } from "commander";
import { act, defineCommand, type Ending } from "../command.js";

export function genCommand(ending: Ending): Command {
  return new Command("gen")
    .description("Write files that go with a project.")
    .addHelpText("after", "\nExample:\n  pantler gen workflow")
    .addCommand(workflowCommand(ending));
}

function workflowCommand(ending: Ending): Command {
  const command = defineCommand(
    "workflow",
    "Write the workflow for GitHub Actions: validation of every push, deployments by hand.",
    "pantler gen workflow --stdout",
    "It is written to .github/workflows/database.yml in the repository. A file that says something else is left alone.",
  ).option("--stdout", "print it and write nothing");
  return act<{ stdout?: boolean }>(command, ending, async ({ options, output, paint, project }) => {
    const { makeWorkflow, writeWorkflow } = await import("../../deploy/index.js");
    const workflow = makeWorkflow(project);
    const { file, text, secrets, warnings } = workflow;
    if (options.stdout) {
      output.result({ ...workflow, written: false }, () => text.trimEnd());
      return 0;
    }
    const written = writeWorkflow(workflow);
    output.result({ file, written, secrets, warnings }, () =>
      [
        written ? file : `${file} is up to date.`,
        ...(secrets.length === 0 ? [] : [`Secrets it reads: ${secrets.join(", ")}`]),
        ...warnings.map((warning) => `${paint.warning("!")} ${warning}`),
      ].join("\n"),
    );
    return 0;
  });
}
