import { setTimeout as sleep } from "node:timers/promises";
import type { Target } from "../engine/index.js";
import { checkMigrations } from "../migrations/index.js";
import { EnvironmentError, NeedsHandsError, type Operation, UnchangedError } from "../operation/index.js";
import { type Client, quoteQualified, withClient } from "../postgres/index.js";
import { differencesFrom, type Prepared } from "./apply.js";

/**
 * Looks at an environment after a deployment: the smoke checks once more, the schema, and the rows of the tables whose
 * content the migrations changed.
 * @throws UnchangedError `verification-failed`, which is for the caller to act on
 * @throws NeedsHandsError `not-verified` when the environment cannot be reached any more
 */
export async function verifyDeployed(
  target: Target,
  prepared: Prepared,
  operation: Operation,
): Promise<void> {
  await patiently(target, () => look(target, prepared, operation));
}

async function look(target: Target, prepared: Prepared, operation: Operation): Promise<void> {
  const checks = await checkMigrations(target, { smoke: true }, operation);
  const failed = checks.filter(({ outcome }) => outcome === "failed");
  await withClient(target.url, async (client) => {
    const differences = await operation.step("compare the schema with the rehearsed one", async (step) => {
      const found = await differencesFrom(client, prepared);
      step.note(
        found.length === 0 ? `${prepared.rehearsal.schema.length} objects` : `${found.length} differ`,
      );
      return found;
    });
    const problems = [...failed.map(({ title, found }) => `${title}: ${found ?? "failed"}`), ...differences];
    if (problems.length > 0) throw verificationFailed(target, problems);
    await countRows(client, prepared, operation);
  });
}

/** Tells of tables that hold another number of rows than in the rehearsal, which others may have written. */
async function countRows(client: Client, { rehearsal }: Prepared, operation: Operation): Promise<void> {
  const changed = rehearsal.rows.filter((table) => table.changed && table.after !== null);
  if (changed.length === 0) return;
  await operation.step("count the rows of the tables that changed", async (step) => {
    for (const [index, { schema, name, after }] of changed.entries()) {
      const { rows } = await client.query<{ count: string }>(
        `select count(*) from ${quoteQualified(schema, name)}`,
      );
      const now = Number(rows[0]?.count);
      step.progress(index + 1, changed.length, "tables");
      if (now === after) continue;
      operation.finding(
        "info",
        `${schema}.${name} holds ${now} rows, ${after} in the rehearsal: others have written to it meanwhile, or a migration depends on more than the data`,
      );
    }
    step.note(`${changed.length} tables`);
  });
}

function verificationFailed({ environment }: Target, problems: readonly string[]): UnchangedError {
  return new UnchangedError({
    code: "verification-failed",
    message: `${environment.name} is not as it should be after the deployment: ${problems[0]}.`,
    detail: problems.join("\n"),
    state: "The migrations are applied.",
    remedy: "Mend what is named.",
  });
}

/** How often a look that the connection broke is taken again, and how long to wait before, in milliseconds. */
const retryDelays = [500, 2000, 5000];

async function patiently<Result>(target: Target, work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof EnvironmentError)) throw error;
      const delay = retryDelays[attempt];
      if (delay === undefined) throw notVerified(target, error);
      await sleep(delay);
    }
  }
}

function notVerified({ environment }: Target, cause: EnvironmentError): NeedsHandsError {
  return new NeedsHandsError({
    code: "not-verified",
    message: `${environment.name} could not be looked at after the deployment: ${cause.message}`,
    state: "The migrations are applied; checks and schema were as they should be before the commit.",
    remedy: `Look at it when it can be reached: pantler migration check --env ${environment.name}`,
    cause,
  });
}
