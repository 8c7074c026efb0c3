import type { Command } from "commander";
import { act, type CommandContext, defineCommand, type Ending } from "../command.js";

export function driftCommand(ending: Ending): Command {
  const command = defineCommand(
    "drift",
    "Compare the live schema with what the applied migrations make: what is missing, extra or changed.",
    "pantler migration drift --env production",
    "The applied migrations are built on a server of their own; the environment is only read. Rows are not compared.\nExit 1 when there is drift, or when not every applied migration could be built.",
  );
  return act(command, ending, async ({ options, output, paint, target, operate }) => {
    const { findDrift } = await import("../../migrations/index.js");
    const { renderDrift } = await import("../render-drift.js");
    const database = await target();
    const drift = await operate(undefined, (operation, interrupt) =>
      findDrift(database, operation, interrupt()),
    );
    const { differences, hints, unbuilt } = drift;
    const text = await renderDrift(drift, options.env, paint);
    output.result({ drift: differences, hints, unbuilt }, () => text);
    return differences.length === 0 && unbuilt.length === 0 ? 0 : 1;
  });
}

/** Writes the migration that `migration new --from-drift` asks for. */
export async function newFromDrift(
  { options, output, target, operate }: CommandContext<object>,
  name: string,
): Promise<number> {
  const { draftFromDrift } = await import("../../migrations/index.js");
  const { env } = options;
  const database = await target();
  const draft = await operate(undefined, (operation, interrupt) =>
    draftFromDrift(database, name, new Date(), operation, interrupt()),
  );
  if (!draft) {
    output.result({ files: [], left: [] }, () => `${env} is what its migrations make: nothing was written.`);
    return 0;
  }
  const { version, files, left, leftByRollback, drift } = draft;
  output.result({ version, files, left, leftByRollback, hints: drift.hints }, () =>
    [
      ...files,
      left.length === 0
        ? `Applied after the other migrations it makes what ${env} has.`
        : "It does not make all of it: see TODO in the file.",
      `Review it; then, as ${env} has it already: pantler migration repair ${version} --status applied --env ${env}`,
    ].join("\n"),
  );
  return 0;
}
