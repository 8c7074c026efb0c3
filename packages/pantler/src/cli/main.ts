import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import type { Ending } from "./command.js";
import { accessCommand } from "./commands/access.js";
import { backupCommand } from "./commands/backup.js";
import { deployCommand } from "./commands/deploy.js";
import { envCommand } from "./commands/env.js";
import { genCommand } from "./commands/gen.js";
import { migrationCommand } from "./commands/migration.js";
import { restoreCommand } from "./commands/restore.js";
import { seedCommand } from "./commands/seed.js";
import { startCommand } from "./commands/start.js";
import { statusCommand } from "./commands/status.js";
import { stopCommand } from "./commands/stop.js";
import { userCommand } from "./commands/user.js";

/**
 * Runs the command line.
 * @param words the arguments after the program's name
 * @returns the exit code; it never throws on purpose
 */
export async function run(words: readonly string[]): Promise<number> {
  const ending: Ending = { code: 0 };
  // A reader that went away (`| head`) is no reason to break off what is being done to a database.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  const program = new Command("pantler")
    .description("The operations tool for products built on Postgres or Supabase.")
    .version(version(), "--version", "the version of pantler")
    .addHelpText("after", "\nExample:\n  pantler start")
    .addCommand(startCommand(ending))
    .addCommand(stopCommand(ending))
    .addCommand(statusCommand(ending))
    .addCommand(migrationCommand(ending))
    .addCommand(deployCommand(ending))
    .addCommand(backupCommand(ending))
    .addCommand(restoreCommand(ending))
    .addCommand(envCommand(ending))
    .addCommand(accessCommand(ending))
    .addCommand(userCommand(ending))
    .addCommand(seedCommand(ending))
    .addCommand(genCommand(ending));
  for (const command of everyCommand(program))
    command.exitOverride().showHelpAfterError("(add --help for what it takes)");
  try {
    await program.parseAsync([...words], { from: "user" });
    return ending.code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    if (words.includes("--json")) {
      const problem = {
        code: "words",
        message: error.message.replace(/^error: /, ""),
        state: "Nothing was done.",
        remedy: "See --help.",
      };
      process.stdout.write(`${JSON.stringify({ type: "result", ok: false, exit: 2, error: problem })}\n`);
    }
    return 2;
  }
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
