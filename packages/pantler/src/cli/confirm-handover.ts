import type { HandoverPlan, Keys, Target } from "../index.js";
import type { CommandContext } from "./command.js";

/** What reassigning and off-boarding ask for alike. */
interface SharedRequest {
  readonly dryRun: boolean | undefined;
  readonly keys: Keys;
  readonly confirm: (plan: HandoverPlan) => Promise<string | undefined>;
}

/**
 * The part of a request that the shared options decide.
 * @throws InputError `key-missing` where the backup that is taken first could not be proven
 */
export async function handoverRequest(
  target: Target,
  context: CommandContext<{ readonly dryRun?: boolean }>,
): Promise<SharedRequest> {
  const { keysFromEnvironment, requireDrillKeys } = await import("./backup-keys.js");
  const { dryRun } = context.options;
  if (!dryRun && target.environment.protected) {
    requireDrillKeys(target.environment, "Proving the backup that is taken first");
  }
  return {
    dryRun,
    keys: keysFromEnvironment(),
    confirm: async (plan) => await confirmHandover(plan, target, context),
  };
}

async function confirmHandover(
  plan: HandoverPlan,
  { url }: Target,
  { options, paint }: CommandContext<object>,
): Promise<string | undefined> {
  const { canAsk, confirm, confirmByTyping } = await import("./confirm.js");
  const { describeHandover, renderHandoverPlan } = await import("./render-users.js");
  const { phrase } = plan;
  const answered = phrase === undefined ? options.yes : options.confirm !== undefined;
  if (canAsk(options) && !answered) process.stderr.write(`${renderHandoverPlan(plan, paint)}\n`);
  const change = describeHandover(plan, url);
  if (phrase !== undefined) {
    return await confirmByTyping(phrase, `${change} ${plan.environment} is protected.`, options);
  }
  await confirm(change, options);
  return undefined;
}
