import type { Command } from "commander";
import type { ResetPlan, Target } from "../../index.js";
import { act, type CommandContext, defineCommand, type Ending } from "../command.js";

export function envResetCommand(ending: Ending): Command {
  const command = defineCommand(
    "reset",
    "Start environments over: proven backups, no rows, fresh test users and data, the same in each.",
    "pantler env reset local production --confirm RESET",
    "The first one gets the fresh data, the others become like it. No schema is dropped. It asks for RESET, and for the names\n" +
      "of environments that hold users who are no test users.",
  ).argument("<env...>", "the environments, the one that gets the fresh data first");
  return act<object>(command, ending, async (context, ...words) => {
    const { resetEnvironments } = await import("../../environments/index.js");
    const { keysFromEnvironment, requireDrillKeys } = await import("../backup-keys.js");
    const { renderReset } = await import("../render-reset.js");
    const { operate, output, paint } = context;
    const names = [...new Set(words.flatMap((word) => word.split(",")))];
    const targets: Target[] = [];
    for (const name of names) targets.push(await context.target(name));
    const [first, ...others] = targets;
    if (!first) throw new Error("the command takes one environment or more");
    for (const { environment } of targets)
      requireDrillKeys(environment, "Proving the backups that are taken first");
    const request = {
      keys: keysFromEnvironment(),
      confirm: async (plan: ResetPlan) => await confirmReset(plan, context),
    };
    const result = await operate(
      "env reset",
      (operation, interrupt) => resetEnvironments([first, ...others], request, operation, interrupt()),
      names.join(", "),
    );
    output.result({ ...result }, () => renderReset(result, paint));
    return result.equal ? 0 : 1;
  });
}

async function confirmReset(
  plan: ResetPlan,
  { options, paint }: CommandContext<object>,
): Promise<string | undefined> {
  const { canAsk, confirmByTyping } = await import("../confirm.js");
  const { describeReset, renderResetPlan } = await import("../render-reset.js");
  if (canAsk(options) && options.confirm === undefined) {
    process.stderr.write(`${renderResetPlan(plan, paint)}\n`);
  }
  return await confirmByTyping(plan.phrase, describeReset(plan), options);
}
