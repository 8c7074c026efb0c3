import { Command } from "commander";
import { act, defineCommand, type Ending } from "../command.js";
import { userListCommand } from "./user-list.js";
import { userOffboardCommand } from "./user-offboard.js";
import { userReassignCommand } from "./user-reassign.js";

export function userCommand(ending: Ending): Command {
  return new Command("user")
    .description("Users of an environment.")
    .addHelpText("after", "\nExample:\n  pantler user list")
    .addCommand(createTestCommand(ending))
    .addCommand(userListCommand(ending))
    .addCommand(userReassignCommand(ending))
    .addCommand(userOffboardCommand(ending));
}

function createTestCommand(ending: Ending): Command {
  const command = defineCommand(
    "create-test",
    "Make the project's test users, who can sign in, with the data its seed definition gives them.",
    "pantler user create-test",
    "What is there already stays as it is. An environment that is protected or holds real users asks for its exact name.",
  );
  return act(command, ending, async ({ options, output, paint, project, target, operate }) => {
    const { createTestUsers } = await import("../../environments/index.js");
    const { confirmTestData } = await import("../confirm-test-data.js");
    const { renderTestData, testDataFields } = await import("../render-test-data.js");
    const database = await target();
    const confirmed = await confirmTestData(database, options);
    const made = await operate("user create-test", (operation, interrupt) =>
      createTestUsers(database, { confirmed }, operation, interrupt()),
    );
    output.result(testDataFields(made), () => renderTestData(made, project, paint));
    return 0;
  });
}
