import type { Command } from "commander";
import { act, countOption, defineCommand, type Ending } from "../command.js";

interface Options {
  readonly keepDaily?: number;
  readonly keepWeekly?: number;
  readonly keepMonthly?: number;
  readonly dryRun?: boolean;
}

export function pruneCommand(ending: Ending): Command {
  const command = defineCommand(
    "prune",
    "Remove the backups of an environment that are not to be kept, and what broken-off ones left behind.",
    "pantler backup prune --env production --keep-daily 14 --dry-run",
    "The newest backup and the newest proven one are always kept, and so is every file that a kept one needs.\n" +
      "A day, a week (from Monday) and a month are those of UTC; the last backup of each stands for it.",
  )
    .addOption(countOption("--keep-daily <number>", "of so many days that have any (default: 7)", 0))
    .addOption(countOption("--keep-weekly <number>", "of so many weeks (default: 4)", 0))
    .addOption(countOption("--keep-monthly <number>", "of so many months (default: 12)", 0))
    .option("--dry-run", "only show what would go");
  return act<Options>(command, ending, async ({ options, project, output, paint, operate }) => {
    const { openStore, pruneBackups, usualRetention } = await import("../../backup/index.js");
    const { environmentOf } = await import("../../project/index.js");
    const { canAsk, confirm } = await import("../confirm.js");
    const { renderPrune } = await import("../render-prune.js");
    const { dryRun = false, yes = false } = options;
    const environment = environmentOf(project, options.env);
    const store = await openStore(environment.backups.store);
    const of = { project: project.name, environment: environment.name };
    const retention = {
      daily: options.keepDaily ?? usualRetention.daily,
      weekly: options.keepWeekly ?? usualRetention.weekly,
      monthly: options.keepMonthly ?? usualRetention.monthly,
    };
    if (dryRun || !yes) {
      const plan = await operate(undefined, (operation) =>
        pruneBackups(store, of, retention, operation, true),
      );
      if (dryRun) {
        output.result({ dryRun, ...plan }, () => renderPrune(plan, dryRun, paint));
        return 0;
      }
      const { length } = plan.removed;
      if (length > 0) {
        if (canAsk(options)) process.stderr.write(`${renderPrune(plan, true, paint)}\n`);
        await confirm(
          `Remove ${length} ${length === 1 ? "backup" : "backups"} of ${environment.name} for good?`,
          options,
        );
      }
    }
    const pruned = await operate("backup prune", (operation) =>
      pruneBackups(store, of, retention, operation),
    );
    output.result({ dryRun, ...pruned }, () => renderPrune(pruned, dryRun, paint));
    return 0;
  });
}
