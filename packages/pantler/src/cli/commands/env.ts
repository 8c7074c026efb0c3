import { Command } from "commander";
import type { Ending } from "../command.js";
import { envListCommand } from "./env-list.js";
import { envResetCommand } from "./env-reset.js";
import { envSyncCommand } from "./env-sync.js";
import { envVerifyCommand } from "./env-verify.js";

export function envCommand(ending: Ending): Command {
  return new Command("env")
    .description("Environments: list them, make one's rows those of another, compare two.")
    .addHelpText("after", "\nExample:\n  pantler env sync local production --dry-run")
    .addCommand(envListCommand(ending))
    .addCommand(envSyncCommand(ending))
    .addCommand(envVerifyCommand(ending))
    .addCommand(envResetCommand(ending));
}
