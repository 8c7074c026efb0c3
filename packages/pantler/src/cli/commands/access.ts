import { Command } from "commander";
import type { Ending } from "../command.js";
import { accessExplainCommand } from "./access-explain.js";
import { accessLintCommand } from "./access-lint.js";
import { accessMatrixCommand } from "./access-matrix.js";

export function accessCommand(ending: Ending): Command {
  return new Command("access")
    .description("Who can see and change what, why, and what that costs.")
    .addHelpText("after", "\nExample:\n  pantler access explain invoices --as anon")
    .addCommand(accessMatrixCommand(ending))
    .addCommand(accessLintCommand(ending))
    .addCommand(accessExplainCommand(ending));
}
