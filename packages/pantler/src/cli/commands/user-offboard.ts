import type { Command } from "commander";
import { act, defineCommand, type Ending } from "../command.js";

interface Options {
  readonly to: string;
  readonly dryRun?: boolean;
}

export function userOffboardCommand(ending: Ending): Command {
  const command = defineCommand(
    "offboard",
    "Give the rows of a user to another, end the user's sessions, and delete the user: all of it or nothing.",
    "pantler user offboard ann@example.com --to bob@example.com --env production --dry-run",
    'A protected environment gets a proven backup first, and asks for "OFFBOARD <user> TO <to>", typed or given with\n' +
      "--confirm. It is verified that nothing refers to the user any more before anything is kept.",
  )
    .argument("<user>", "who goes: an address, an id, or the role of a test user")
    .requiredOption("--to <user>", "whose the rows become")
    .option("--dry-run", "only show what would happen");
  return act<Options>(command, ending, async (context, user = "") => {
    const { offboardUser } = await import("../../access/index.js");
    const { handoverRequest } = await import("../confirm-handover.js");
    const { handoverFields, renderHandover } = await import("../render-users.js");
    const { operate, options, output, paint } = context;
    const target = await context.target();
    const request = { ...(await handoverRequest(target, context)), user, to: options.to };
    const result = await operate(options.dryRun ? undefined : "user offboard", (operation, interrupt) =>
      offboardUser(target, request, operation, interrupt()),
    );
    output.result(handoverFields(result), () => renderHandover(result, paint));
    return 0;
  });
}
