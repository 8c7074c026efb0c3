import { Command, Option } from "commander";
import type { CheckResult, FinishedMigration, MigrationList, MigrationState } from "../../index.js";
import { timeInWords } from "../../operation/index.js";
import { act, countOption, defineCommand, type Ending } from "../command.js";
import { migrationTitle, type Paint } from "../output.js";
import { driftCommand, newFromDrift } from "./migration-drift.js";
import { lintCommand } from "./migration-lint.js";
import { rehearseCommand } from "./migration-rehearse.js";

export function migrationCommand(ending: Ending): Command {
  return new Command("migration")
    .description("Versioned SQL files and the ledger of those that are applied.")
    .addHelpText("after", "\nExample:\n  pantler migration list")
    .addCommand(newCommand(ending))
    .addCommand(listCommand(ending))
    .addCommand(upCommand(ending))
    .addCommand(downCommand(ending))
    .addCommand(repairCommand(ending))
    .addCommand(lintCommand(ending))
    .addCommand(rehearseCommand(ending))
    .addCommand(checkCommand(ending))
    .addCommand(driftCommand(ending));
}

function newCommand(ending: Ending): Command {
  const command = defineCommand(
    "new",
    "Write a new migration from the template, with its rollback and its checks.",
    "pantler migration new add_customer_notes",
  )
    .argument("<name>", "what it does, in a few words")
    .option("--from-drift", "write down what the environment has and no migration makes");
  return act<{ fromDrift?: boolean }>(command, ending, async (context, name = "") => {
    const { project, output, options } = context;
    if (options.fromDrift) return await newFromDrift(context, name);
    const { newMigration } = await import("../../migrations/index.js");
    const created = newMigration(project, name, new Date());
    output.result({ ...created }, () => created.files.join("\n"));
    return 0;
  });
}

function listCommand(ending: Ending): Command {
  const command = defineCommand(
    "list",
    "Show the migration files beside the ledger: applied, pending, missing, changed, out of order.",
    "pantler migration list --env production",
  );
  return act(command, ending, async ({ output, paint, target }) => {
    const { listMigrations } = await import("../../migrations/index.js");
    const list = await listMigrations(await target());
    output.result({ ...list }, () => renderList(list, paint));
    return 0;
  });
}

function upCommand(ending: Ending): Command {
  const command = defineCommand(
    "up",
    "Apply the pending migrations to an unprotected environment, with their checks, in one transaction.",
    "pantler migration up --to 030",
  )
    .option("--to <version>", "apply up to this version")
    .option("--one-by-one", "commit after each migration")
    .option("--include-all", "also those that are older than the newest applied one");
  type Options = { to?: string; oneByOne?: boolean; includeAll?: boolean };
  return act<Options>(command, ending, async ({ options, output, target, operate }) => {
    const { migrateUp } = await import("../../migrations/index.js");
    const { to, oneByOne, includeAll } = options;
    const database = await target();
    const { applied } = await operate("migration up", (operation, interrupt) =>
      migrateUp(database, { to, oneByOne, includeAll }, operation, interrupt()),
    );
    output.result({ applied }, () =>
      applied.length === 0 ? "Nothing is pending." : `${counted(applied)} applied to ${options.env}.`,
    );
    return 0;
  });
}

function downCommand(ending: Ending): Command {
  const command = defineCommand(
    "down",
    "Roll back the newest applied migrations of an unprotected environment with their rollback scripts.",
    "pantler migration down --count 2",
  )
    .addOption(
      new Option("--to <version>", "roll back everything newer than this version").conflicts("count"),
    )
    .addOption(countOption("--count <number>", "how many of the newest (default: 1)"));
  return act<{ to?: string; count?: number }>(
    command,
    ending,
    async ({ options, output, target, operate }) => {
      const { migrateDown } = await import("../../migrations/index.js");
      const { confirm } = await import("../confirm.js");
      const database = await target();
      if (options.env !== "local") {
        await confirm(
          `Roll back migrations of ${options.env} (${database.url})? Their data goes with them.`,
          options,
        );
      }
      const { to, count } = options;
      const { rolledBack } = await operate("migration down", (operation, interrupt) =>
        migrateDown(database, { to, count }, operation, interrupt()),
      );
      output.result({ rolledBack }, () =>
        rolledBack.length === 0
          ? "Nothing is applied."
          : `${counted(rolledBack)} rolled back on ${options.env}.`,
      );
      return 0;
    },
  );
}

function repairCommand(ending: Ending): Command {
  const command = defineCommand(
    "repair",
    "Mend the ledger without running SQL, and close the circuit breaker.",
    "pantler migration repair 030 --status reverted",
  )
    .argument("<version>", "the version to mend")
    .addOption(
      new Option("--status <status>", "what is true of it")
        .choices(["applied", "reverted"])
        .makeOptionMandatory(),
    );
  return act<{ status: "applied" | "reverted" }>(
    command,
    ending,
    async ({ options, output, target, operate }, version = "") => {
      const { repairMigration } = await import("../../migrations/index.js");
      const database = await target();
      const { status } = options;
      await operate("migration repair", (operation) =>
        repairMigration(database, { version, status }, operation),
      );
      output.result({ version, status }, () => `${version} is marked as ${status} on ${options.env}.`);
      return 0;
    },
  );
}

function checkCommand(ending: Ending): Command {
  const command = defineCommand(
    "check",
    "Run the checks of the applied migrations and the smoke checks; nothing they do is kept.",
    "pantler migration check --only A4.6",
  ).option("--only <text>", "only the checks with this text in their title");
  return act<{ only?: string }>(command, ending, async ({ options, output, paint, target, operate }) => {
    const { checkMigrations } = await import("../../migrations/index.js");
    const database = await target();
    const { only } = options;
    const checks = await operate(undefined, (operation, interrupt) =>
      checkMigrations(database, { only }, operation, interrupt()),
    );
    const failed = checks.filter((check) => check.outcome === "failed").length;
    output.result({ passed: checks.length - failed, failed, checks }, () => renderChecks(checks, paint));
    return failed === 0 ? 0 : 1;
  });
}

function counted(migrations: readonly FinishedMigration[]): string {
  return migrations.length === 1 ? "1 migration" : `${migrations.length} migrations`;
}

function renderList({ migrations, ignored }: MigrationList, paint: Paint): string {
  const look: Record<MigrationState, string> = {
    applied: paint.good("applied"),
    pending: paint.warning("pending"),
    "out-of-order": paint.warning("out of order"),
    changed: paint.bad("changed"),
    missing: paint.bad("missing"),
  };
  const width = Math.max(...migrations.map((migration) => migrationTitle(migration).length), 0);
  const lines = migrations.map((migration) => {
    const { state, breaker } = migration;
    const open = breaker ? paint.bad(` · ${breaker.status}: the circuit breaker is open`) : "";
    return `${migrationTitle(migration).padEnd(width)}  ${look[state]}${open}`;
  });
  if (lines.length === 0) lines.push("There are no migrations.");
  if (ignored.length > 0) lines.push(paint.dim(`not migrations: ${ignored.join(", ")}`));
  return lines.join("\n");
}

function renderChecks(checks: readonly CheckResult[], paint: Paint): string {
  const lines = checks.map((check) => {
    const time = paint.dim(timeInWords(check.milliseconds));
    if (check.outcome === "passed") return `${paint.good("✓")} ${check.title} ${time}`;
    const found = (check.found ?? "").replaceAll("\n", "\n    ");
    return `${paint.bad("✗")} ${check.title} ${time}\n    ${check.file}:${check.line}: ${found}`;
  });
  const failed = checks.filter((check) => check.outcome === "failed").length;
  const passed = checks.length - failed;
  return [...lines, `${passed} passed, ${failed} failed`].join("\n");
}
