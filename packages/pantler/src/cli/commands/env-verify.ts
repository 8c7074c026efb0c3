import type { Command } from "commander";
import type { WhichUsers } from "../../index.js";
import { act, countOption, defineCommand, type Ending } from "../command.js";
import { usersOption } from "../users-option.js";

interface Options {
  readonly users: WhichUsers;
  readonly diff?: number;
  readonly rows?: boolean;
}

/** So many rows are named by --rows alone. */
const usualDifferences = 10;

export function envVerifyCommand(ending: Ending): Command {
  const command = defineCommand(
    "verify",
    "Compare two environments: schema, migrations, the rows of every table, users. Both are only read.",
    "pantler env verify local production --diff 10",
    "It ends with 1 when something differs.",
  )
    .argument("<a>", "the one environment")
    .argument("<b>", "the other one")
    .addOption(usersOption("whose logins are compared: of the test domain, everybody's, or nobody's"))
    .addOption(countOption("--diff <number>", "name so many differing rows for each table, by their keys"))
    .option("--rows", "of these rows, name the columns that differ");
  return act<Options>(command, ending, async (context, left = "", right = "") => {
    const { verifyParity } = await import("../../environments/index.js");
    const { parityFields, renderParity } = await import("../render-parity.js");
    const { operate, options, output, paint } = context;
    const { users, rows = false, diff = rows ? usualDifferences : 0 } = options;
    const request = { users, differences: diff, columns: rows };
    const sides = [await context.target(left), await context.target(right)] as const;
    const result = await operate(undefined, (operation) => verifyParity(...sides, request, operation), left);
    output.result(parityFields(result), () => renderParity(result, context.project, paint));
    return result.equal ? 0 : 1;
  });
}
