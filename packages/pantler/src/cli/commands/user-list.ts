import type { Command } from "commander";
import { act, defineCommand, type Ending } from "../command.js";

export function userListCommand(ending: Ending): Command {
  const command = defineCommand(
    "list",
    "Who there is, and how many rows name each by which column.",
    "pantler user list --env production",
    "It reads only. Counted are all foreign keys to auth.users, directly or through a table that stands for users, the columns\n" +
      "that access.owners of the config declares, and the owners of files.",
  );
  return act(command, ending, async ({ output, paint, target, operate }) => {
    const { listUsers } = await import("../../access/index.js");
    const { renderUsers, userListFields } = await import("../render-users.js");
    const database = await target();
    const list = await operate(undefined, (operation, interrupt) =>
      listUsers(database, operation, interrupt()),
    );
    output.result(userListFields(list), () => renderUsers(list, new Date(), paint));
    return 0;
  });
}
