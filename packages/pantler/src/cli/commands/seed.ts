import type { Command } from "commander";
import { act, countOption, defineCommand, type Ending } from "../command.js";

interface Options {
  readonly scale?: number;
  readonly files: boolean;
}

export function seedCommand(ending: Ending): Command {
  const command = defineCommand(
    "seed",
    "Run the seed files, and make the test users and the data of the seed definition.",
    "pantler seed --scale 100",
    "What is there already stays as it is. An environment that is protected or holds real users asks for its exact name.",
  )
    .addOption(countOption("--scale <n>", "so many times the data that the definition names"))
    .option("--no-files", "leave the seed files out");
  return act<Options>(command, ending, async ({ options, output, paint, project, target, operate }) => {
    const { seedEnvironment } = await import("../../environments/index.js");
    const { confirmTestData } = await import("../confirm-test-data.js");
    const { renderTestData, testDataFields } = await import("../render-test-data.js");
    const database = await target();
    const confirmed = await confirmTestData(database, options);
    const { scale, files } = options;
    const made = await operate("seed", (operation, interrupt) =>
      seedEnvironment(database, { confirmed, scale, files }, operation, interrupt()),
    );
    output.result({ ...testDataFields(made), files: made.files }, () => renderTestData(made, project, paint));
    return 0;
  });
}
