import type { Command } from "commander";
import { act, defineCommand, type Ending } from "../command.js";

interface Options {
  readonly dryRun?: boolean;
}

export function userReassignCommand(ending: Ending): Command {
  const command = defineCommand(
    "reassign",
    "Make the rows of one user another's, soft-deleted ones included: all of them or nothing.",
    "pantler user reassign ann@example.com bob@example.com --dry-run",
    "What is about the user and not owned, such as roles and sessions, stays. A protected environment gets a proven backup\n" +
      'first, and asks for "REASSIGN <from> TO <to>", typed or given with --confirm.',
  )
    .argument("<from>", "whose rows they are: an address, an id, or the role of a test user")
    .argument("<to>", "whose they become")
    .option("--dry-run", "only show what would move");
  return act<Options>(command, ending, async (context, from = "", to = "") => {
    const { reassignRows } = await import("../../access/index.js");
    const { handoverRequest } = await import("../confirm-handover.js");
    const { handoverFields, renderHandover } = await import("../render-users.js");
    const { operate, options, output, paint } = context;
    const target = await context.target();
    const request = { ...(await handoverRequest(target, context)), from, to };
    const result = await operate(options.dryRun ? undefined : "user reassign", (operation, interrupt) =>
      reassignRows(target, request, operation, interrupt()),
    );
    output.result(handoverFields(result), () => renderHandover(result, paint));
    return 0;
  });
}
