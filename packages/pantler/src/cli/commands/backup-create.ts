import { type Command, Option } from "commander";
import { act, defineCommand, type Ending, tablesOption } from "../command.js";

interface Options {
  readonly schemaOnly?: boolean;
  readonly dataOnly?: boolean;
  readonly tables?: string[];
  readonly incremental?: boolean;
  readonly name?: string;
  readonly encrypt?: boolean;
  readonly drill?: boolean;
}

export function createCommand(ending: Ending): Command {
  const command = defineCommand(
    "create",
    "Take a backup of one moment of an environment, while others go on working on it.",
    "pantler backup create --env production --drill",
    "With --drill it ends with 1 when the backup is not proven; it stays listed.",
  )
    .addOption(
      new Option("--schema-only", "the schema and its ledger, no other rows").conflicts([
        "dataOnly",
        "tables",
        "incremental",
      ]),
    )
    .addOption(new Option("--data-only", "for restoring rows, not the schema").conflicts(["tables"]))
    .addOption(tablesOption("only the rows of these, with commas between: contacts,sales.orders"))
    .option("--incremental", "do not store again what the last backup has unchanged")
    .option("--name <text>", "what to call it")
    .option(
      "--encrypt",
      "encrypt it: to backups.recipients of the config, which encrypt always, else with PANTLER_BACKUP_PASSPHRASE",
    )
    .option("--drill", "prove it: restore it into a server of its own and compare");
  return act<Options>(command, ending, async ({ options, project, output, paint, target, operate }) => {
    const { createBackup, makeAndDrill } = await import("../../backup/index.js");
    const { environmentOf } = await import("../../project/index.js");
    const { backupFields } = await import("../backup-fields.js");
    const { keysFromEnvironment, passphraseFor, requireDrillKeys } = await import("../backup-keys.js");
    const { renderCreated } = await import("../render-backup.js");
    const { schemaOnly, dataOnly, tables, incremental, name, encrypt = false, drill = false } = options;
    const environment = environmentOf(project, options.env);
    const passphrase = await passphraseFor(environment, encrypt, options);
    if (drill) requireDrillKeys(environment, "--drill");
    const database = await target();
    const kind = schemaOnly ? "schema" : dataOnly ? "data" : "full";
    const backup = await operate("backup create", async (operation, interrupt) => {
      const signal = interrupt();
      const request = { kind, tables, incremental, name, passphrase } as const;
      const make = async () => {
        const created = await createBackup(database, request, operation, signal);
        if (incremental && !created.manifest.parent) {
          operation.finding(
            "info",
            "there is no earlier backup to share files with: this one has all of them",
          );
        }
        return created;
      };
      if (!drill) return await make();
      const keys = { ...keysFromEnvironment(), ...(passphrase ? { passphrase } : {}) };
      const made = await makeAndDrill(make, keys, operation, signal);
      return { ...made.backup, drill: made.drill, proven: made.drill.proven };
    });
    output.result(backupFields(backup), () => renderCreated(backup, project, paint));
    return drill && !backup.proven ? 1 : 0;
  });
}
