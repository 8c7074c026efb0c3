import type { Command } from "commander";
import type { DeployRequest, Proposal, Target } from "../../index.js";
import { act, type CommandContext, defineCommand, type Ending } from "../command.js";

interface Options {
  to?: string;
  includeAll?: boolean;
  dryRun?: boolean;
  acceptDrift?: boolean;
  now?: boolean;
}

export function deployCommand(ending: Ending): Command {
  const command = defineCommand(
    "deploy",
    "Deploy the pending migrations: validate, back up, drill and rehearse, confirm, apply, verify; recover if it fails.",
    "pantler deploy production --dry-run",
    "The confirmation is APPLY MIGRATIONS and the environment's name, typed or given with --confirm.",
  )
    .argument("<environment>", "the environment to deploy to")
    .option("--to <version>", "deploy up to this version")
    .option("--include-all", "also those that are older than the newest applied one")
    .option("--dry-run", "stop after the rehearsal")
    .option("--accept-drift", "go on although the live schema is not what the migrations make")
    .option("--now", "go on outside of the hours that deploy.window names");
  return act<Options>(command, ending, async (context, environment = "") => {
    const { deploy, renderReport } = await import("../../deploy/index.js");
    const { summarize, summarizingFailure } = await import("../step-summary.js");
    const { renderDeployed, deployedFields } = await import("../render-deploy.js");
    const { output, paint, operate } = context;
    const target = await requireReady(context, environment);
    const request = await requestFor(target, context);
    const result = await summarizingFailure(`Not deployed to ${environment}`, () =>
      operate(
        "deploy",
        (operation, interrupt) => deploy(target, request, operation, interrupt()),
        environment,
      ),
    );
    await summarize(() => renderReport(result));
    output.result(deployedFields(result), () => renderDeployed(result, paint));
    return 0;
  });
}

/** Finds out, before anything is begun, whether the deployment could be ended: nobody waits for a backup in vain. */
async function requireReady(
  { options, project, target }: CommandContext<Options>,
  name: string,
): Promise<Target> {
  const { requireDrillKeys } = await import("../backup-keys.js");
  const { canAsk, notConfirmed } = await import("../confirm.js");
  const { confirmationPhrase } = await import("../../deploy/index.js");
  const found = await target(name);
  const { environment } = found;
  requireDrillKeys(environment, "Proving the backup that is taken first");
  const phrase = confirmationPhrase(environment.name);
  const canBeConfirmed =
    options.dryRun || options.confirm === phrase || (options.confirm === undefined && canAsk(options));
  if (!canBeConfirmed) throw notConfirmed(phrase, `${project.name} is deployed to ${environment.name}.`);
  return found;
}

async function requestFor(
  { environment }: Target,
  { options, paint }: CommandContext<Options>,
): Promise<DeployRequest> {
  const { keysFromEnvironment } = await import("../backup-keys.js");
  const { confirmByTyping } = await import("../confirm.js");
  const { to, includeAll, dryRun, acceptDrift, now } = options;
  return {
    to,
    includeAll,
    dryRun,
    acceptDrift,
    now,
    keys: keysFromEnvironment(),
    confirm: async (proposal: Proposal) => {
      const { renderProposal } = await import("../render-deploy.js");
      if (options.confirm === undefined) process.stderr.write(`${renderProposal(proposal, paint)}\n`);
      const warning = `${proposal.rehearsal.migrations.length} migrations are applied to ${environment.name}; the backup ${proposal.backup.id} is the way back.`;
      return await confirmByTyping(proposal.phrase, warning, options);
    },
  };
}
