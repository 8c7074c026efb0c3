import type { Command } from "commander";
import type { SyncPlan, Target, WhichUsers } from "../../index.js";
import { act, type CommandContext, defineCommand, type Ending } from "../command.js";
import { usersOption } from "../users-option.js";

interface Options {
  readonly users: WhichUsers;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

export function envSyncCommand(ending: Ending): Command {
  const command = defineCommand(
    "sync",
    "Make the rows of one environment those of another, users and passwords included: all of them or nothing.",
    'pantler env sync local production --confirm "OVERWRITE production"',
    "A backup of <to> is taken and proven first. A protected <to> asks for OVERWRITE and its name, typed or given\n" +
      "with --confirm. The command that undoes it is in the answer.",
  )
    .argument("<from>", "the environment whose rows are taken; it is only read")
    .argument("<to>", "the environment whose rows are replaced")
    .addOption(usersOption("whose logins go along: of the test domain, everybody's, or nobody's"))
    .option("--dry-run", "only show what would change")
    .option("--force", "the same as --yes; it does not stand for a typed confirmation");
  return act<Options>(command, ending, async (context, from = "", to = "") => {
    const { syncEnvironment } = await import("../../environments/index.js");
    const { keysFromEnvironment, requireDrillKeys } = await import("../backup-keys.js");
    const { renderSynced, syncFields } = await import("../render-sync.js");
    const { operate, options, output, paint } = context;
    const source = await context.target(from);
    const target = await context.target(to);
    const { dryRun, users } = options;
    if (!dryRun) requireDrillKeys(target.environment, "Proving the backup that is taken first");
    const request = {
      users,
      dryRun,
      keys: keysFromEnvironment(),
      confirm: async (plan: SyncPlan) => await confirmSync(plan, target, context),
    };
    const result = await operate(
      dryRun ? undefined : "env sync",
      (operation, interrupt) => syncEnvironment(source, target, request, operation, interrupt()),
      to,
    );
    output.result(syncFields(result), () => renderSynced(result, paint));
    return 0;
  });
}

async function confirmSync(
  plan: SyncPlan,
  { environment, url }: Target,
  { options, paint }: CommandContext<Options>,
): Promise<string | undefined> {
  const { canAsk, confirm, confirmByTyping } = await import("../confirm.js");
  const { describeOverwriting, renderPlan } = await import("../render-sync.js");
  const { phrase } = plan;
  const answered = phrase === undefined ? options.yes || options.force : options.confirm !== undefined;
  if (canAsk(options) && !answered) process.stderr.write(`${renderPlan(plan, paint)}\n`);
  const change = describeOverwriting(plan, url);
  if (phrase !== undefined) {
    return await confirmByTyping(phrase, `${change} ${environment.name} is protected.`, options);
  }
  await confirm(change, { ...options, yes: options.yes === true || options.force === true });
  return undefined;
}
