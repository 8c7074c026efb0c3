import type { Command } from "commander";
import { act, countOption, defineCommand, type Ending } from "../command.js";

interface Options {
  readonly as: string;
  readonly rows?: number;
}

export function accessExplainCommand(ending: Ending): Command {
  const command = defineCommand(
    "explain",
    "Say which rows of a table somebody sees and why, what row security costs there, and which index would help.",
    "pantler access explain invoices --as account_manager --rows 100000",
    "The environment is only read. With --rows, the tables concerned are copied to a server of their own, where their rows\nare multiplied and each index is tried.\nIt ends with 1 when a policy keeps the table from being read at all.",
  )
    .argument("<table>", "the table, with its schema or without")
    .requiredOption(
      "--as <identity>",
      "who asks: anon, service_role, a name of the config's, the address of a user, or claims as JSON",
    )
    .addOption(countOption("--rows <number>", "try indexes on a copy whose table has so many rows"));
  return act<Options>(command, ending, async (context, table = "") => {
    const { explainAccess } = await import("../../access/index.js");
    const { explanationFields, renderExplanation } = await import("../render-access-explain.js");
    const { operate, options, output, paint } = context;
    const database = await context.target();
    const request = { table, as: options.as, rows: options.rows };
    const explanation = await operate(undefined, (operation, interrupt) =>
      explainAccess(database, request, operation, interrupt()),
    );
    output.result(explanationFields(explanation), () => renderExplanation(explanation, paint));
    return explanation.failure ? 1 : 0;
  });
}
