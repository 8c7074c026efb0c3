import { type Command, Option } from "commander";
import type { RestoreResult } from "../../index.js";
import { act, type CommandContext, defineCommand, type Ending, tablesOption } from "../command.js";
import type { RestoreOptions as Options, WantedRestore } from "../wanted-restore.js";

export function restoreCommand(ending: Ending): Command {
  const command = defineCommand(
    "restore",
    "Restore a backup: all of it or nothing. Rows are compared with the backup before anything is kept.",
    "pantler restore latest --tables contacts --merge update --dry-run",
    "Before a protected environment is overwritten, a backup of it is taken and proven, and its name has to be typed.\n" +
      "A database that --to names counts as protected; it is made if it is not there, and dropped again on failure.",
  )
    .argument("<id>", "the backup: its id, the beginning or the end of it, or latest (of --env)")
    .option("--to <url>", "into this database instead of the one of --env")
    .addOption(tablesOption("only the rows of these, with commas between: contacts,sales.orders"))
    .addOption(
      new Option(
        "--merge <mode>",
        "by primary key: skip brings back missing rows, update those that differ as well; others stay",
      ).choices(["skip", "update"]),
    )
    .addOption(
      new Option("--schema-only", "the schema and its ledger, no other rows").conflicts([
        "dataOnly",
        "tables",
        "merge",
      ]),
    )
    .option("--data-only", "the rows, leaving the schema as it is")
    .option("--dry-run", "only show what would change");
  return act<Options>(command, ending, async (context, id = "") => {
    const { previewOf, settleRestore } = await import("../settle-restore.js");
    const { previewFields, renderPreview, renderRestored, restoredFields } = await import(
      "../render-restore.js"
    );
    const { output, options, paint } = context;
    const wanted = await settleRestore(context, id);
    if (options.dryRun) {
      const preview = await previewOf(wanted);
      output.result(previewFields(wanted, preview), () => renderPreview(wanted, preview, paint));
      return 0;
    }
    const result = await restore(context, wanted);
    output.result(restoredFields(wanted, result), () => renderRestored(wanted, result, paint));
    return 0;
  });
}

async function restore(
  { options, paint, operate }: CommandContext<Options>,
  wanted: WantedRestore,
): Promise<RestoreResult> {
  const { restoreBackup, withNewDatabase } = await import("../../backup/index.js");
  const { keysFor } = await import("../backup-keys.js");
  const { confirmRestore } = await import("../settle-restore.js");
  const { backup, target, isNew } = wanted;
  const confirmation = await confirmRestore(wanted, options, paint);
  const request = { ...wanted.request, keys: await keysFor(backup, options), confirmation };
  return await operate("restore", async (operation, interrupt) => {
    const signal = interrupt();
    const work = () => restoreBackup(target, backup, request, operation, signal);
    return isNew ? await withNewDatabase(target.url, operation, work) : await work();
  });
}
