import { Command } from "commander";
import type { Backup } from "../../index.js";
import { act, type CommandContext, defineCommand, type Ending } from "../command.js";
import { createCommand } from "./backup-create.js";
import { pruneCommand } from "./backup-prune.js";

const idWords = "its id, the beginning or the end of it, or latest (of --env)";

export function backupCommand(ending: Ending): Command {
  return new Command("backup")
    .description("Backups of an environment, proven by restoring them.")
    .addHelpText("after", "\nExample:\n  pantler backup create --drill")
    .addCommand(createCommand(ending))
    .addCommand(listCommand(ending))
    .addCommand(showCommand(ending))
    .addCommand(verifyCommand(ending))
    .addCommand(drillCommand(ending))
    .addCommand(pruneCommand(ending));
}

function listCommand(ending: Ending): Command {
  const command = defineCommand(
    "list",
    "Show the backups in all stores of the project, the newest first; with --env those of one environment.",
    "pantler backup list --env production",
    "Where a store cannot be read, the backups of the others are shown, and it ends with 4.",
  );
  return act(command, ending, async ({ options, project, output, paint }) => {
    const { listStores } = await import("../../backup/index.js");
    const { listedFields, problemFields, sortedBackups, storesOf } = await import("../backup-fields.js");
    const { renderBackups } = await import("../render-backups.js");
    const only = command.getOptionValueSource("env") === "cli" ? options.env : undefined;
    const stores = storesOf(project, await listStores(project), only);
    const backups = sortedBackups(stores, only);
    const unreadable = stores.flatMap(problemFields);
    for (const { message, remedy } of unreadable) {
      output.listener({ type: "finding", level: "error", message: `${message} ${remedy}` });
    }
    const failed = unreadable.length > 0 ? { ok: false, exit: 4 } : {};
    output.result({ ...failed, backups: backups.map(listedFields), unreadable }, () =>
      renderBackups(project, stores, backups, paint),
    );
    return unreadable.length > 0 ? 4 : 0;
  });
}

function showCommand(ending: Ending): Command {
  const command = defineCommand(
    "show",
    "Show what a backup holds: tables and rows, what was left out, and what its drill found.",
    "pantler backup show latest",
  ).argument("<id>", idWords);
  return act(command, ending, async (context, id = "") => {
    const { backupFields } = await import("../backup-fields.js");
    const { renderBackup } = await import("../render-backup.js");
    const { project, output, paint } = context;
    const backup = await find(context, id);
    output.result(backupFields(backup), () => renderBackup(backup, project, paint));
    return 0;
  });
}

function verifyCommand(ending: Ending): Command {
  const command = defineCommand(
    "verify",
    "Read every byte of a backup and compare it with its checksums; nothing is decrypted or restored.",
    "pantler backup verify latest --env production",
  ).argument("<id>", idWords);
  return act(command, ending, async (context, id = "") => {
    const { verifyBackup } = await import("../../backup/index.js");
    const { renderVerified } = await import("../render-backup.js");
    const { output, paint, operate } = context;
    const backup = await find(context, id);
    const verified = await operate(undefined, (operation) => verifyBackup(backup, operation));
    output.result({ id: backup.id, ...verified }, () => renderVerified(backup, verified, paint));
    return verified.problems.length === 0 ? 0 : 1;
  });
}

function drillCommand(ending: Ending): Command {
  const command = defineCommand(
    "drill",
    "Prove a backup: restore it into a server of its own and compare schema, rows and digests.",
    "pantler backup drill latest",
    "It ends with 1 when anything is missing or different.",
  ).argument("<id>", idWords);
  return act(command, ending, async (context, id = "") => {
    const { drillBackup } = await import("../../backup/index.js");
    const { drillFields } = await import("../backup-fields.js");
    const { keysFor } = await import("../backup-keys.js");
    const { renderDrill } = await import("../render-backup.js");
    const { options, output, paint, operate } = context;
    const backup = await find(context, id);
    const keys = await keysFor(backup, options);
    const drill = await operate("backup drill", (operation, interrupt) =>
      drillBackup(backup, keys, operation, interrupt()),
    );
    output.result({ id: backup.id, ...drillFields(drill) }, () => renderDrill(backup, drill, paint));
    return drill.proven ? 0 : 1;
  });
}

async function find({ project, options }: CommandContext<unknown>, id: string): Promise<Backup> {
  const { locateBackup } = await import("../../backup/index.js");
  return await locateBackup(project, id, options.env);
}
