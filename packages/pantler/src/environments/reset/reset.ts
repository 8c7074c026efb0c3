import { type Keys, takeProvenBackup, undoCommand } from "../../backup/index.js";
import type { Target } from "../../engine/index.js";
import { seedDatabase } from "../../migrations/index.js";
import { type Operation, RefusedError, stopWhenAborted } from "../../operation/index.js";
import { refuseTransactionPooler, takeDeploymentLock, withClient } from "../../postgres/index.js";
import { verifyParity } from "../parity/verify-parity.js";
import { overwritePhrase } from "../sync/request.js";
import { syncEnvironment } from "../sync/sync.js";
import type { CreatedUser } from "../users/auth-users.js";
import { findSeedHazard } from "../users/real-users.js";
import { createTestUsers, type TestData } from "../users/test-data.js";
import { type CountedTable, countRows, emptyProject } from "./empty.js";

/** What a reset takes away, before anything is done. */
export interface ResetPlan {
  readonly environments: readonly {
    readonly name: string;
    readonly tables: readonly CountedTable[];
    /** How many users it holds who are no test users; they stay, without their rows. */
    readonly realUsers: number;
  }[];
  /** What has to be typed. */
  readonly phrase: string;
}

export interface ResetRequest {
  /** For the backups: what they are encrypted with, and opened for their drills. */
  readonly keys: Keys;
  /** Shows the plan, and returns what somebody typed. */
  readonly confirm: (plan: ResetPlan) => Promise<string | undefined>;
}

export interface ResetResult {
  readonly environments: readonly {
    readonly name: string;
    /** The proven backup of what it held. */
    readonly backup: string;
    /** The command that brings that back. */
    readonly undo: string;
  }[];
  readonly users: readonly CreatedUser[];
  readonly rows: number;
  /** Whether all of them are the same now. */
  readonly equal: boolean;
  readonly milliseconds: number;
}

/**
 * Starts environments over: takes a proven backup of each, empties the first one and gives it fresh test users and data in
 * one transaction, makes the others the same, and compares. Schema and ledger stay as they are.
 * @param targets the first one gets the fresh data
 * @param signal interrupts the work
 * @throws RefusedError `not-confirmed`, `backup-not-proven`, and what a sync refuses
 * @throws UnchangedError when a part of it failed; which environments were done before, its `state` says
 */
export async function resetEnvironments(
  targets: readonly [Target, ...Target[]],
  request: ResetRequest,
  operation: Operation,
  signal?: AbortSignal,
): Promise<ResetResult> {
  const started = performance.now();
  for (const { url } of targets) refuseTransactionPooler(url);
  const plan = await operation.step("count what is there", () => makePlan(targets));
  await requireConfirmation(plan, request);
  stopWhenAborted(signal, "Nothing was done.");
  const [first, ...others] = targets;
  const { name } = first.environment;
  const { id } = await takeProvenBackup(
    first,
    { name: "before a reset", keys: request.keys, otherwise: "Nothing was emptied" },
    operation.part(name),
    signal,
  );
  stopWhenAborted(signal, `Nothing was emptied; the backup ${id} stays listed.`);
  const data = await startOver(first, operation.part(name), signal);
  const done = [{ name, backup: id, undo: undoCommand(id, first) }];
  let equal = true;
  for (const other of others) {
    const part = operation.part(other.environment.name);
    const confirm = async () => overwritePhrase(other.environment.name);
    const synced = await syncEnvironment(first, other, { keys: request.keys, confirm }, part, signal);
    const backup = synced.backup ?? "";
    done.push({ name: other.environment.name, backup, undo: undoCommand(backup, other) });
    const parity = await verifyParity(first, other, {}, part);
    equal = equal && parity.equal;
  }
  return {
    environments: done,
    users: data.users,
    rows: data.tables.reduce((sum, table) => sum + table.rows, 0),
    equal,
    milliseconds: Math.round(performance.now() - started),
  };
}

/**
 * Empties an environment and gives it the project's test users and their data; where it declares none, what its seed files
 * hold.
 */
async function startOver(
  target: Target,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<Pick<TestData, "users" | "tables">> {
  const { project, environment, url } = target;
  if (project.users.test.length > 0) {
    return await createTestUsers(target, { confirmed: environment.name, empty: true }, operation, signal);
  }
  await operation.step("empty the tables", () =>
    withClient(url, async (client) => {
      await takeDeploymentLock(client);
      await client.query("begin");
      await emptyProject(client, project);
      await client.query("commit");
    }),
  );
  await seedDatabase(target, operation, signal);
  return { users: [], tables: [] };
}

async function makePlan(targets: readonly Target[]): Promise<ResetPlan> {
  const environments: ResetPlan["environments"][number][] = [];
  for (const target of targets) {
    const hazard = await findSeedHazard(target);
    environments.push({
      name: target.environment.name,
      tables: await withClient(target.url, countRows),
      realUsers: hazard?.realUsers ?? 0,
    });
  }
  // Where real people are, one has to say where that is.
  const real = environments.filter(({ realUsers }) => realUsers > 0).map(({ name }) => name);
  return { environments, phrase: ["RESET", ...real].join(" ") };
}

async function requireConfirmation(plan: ResetPlan, { confirm }: ResetRequest): Promise<void> {
  if ((await confirm(plan)) === plan.phrase) return;
  throw new RefusedError({
    code: "not-confirmed",
    message: `Nobody confirmed that ${plan.environments.map(({ name }) => name).join(" and ")} are emptied.`,
    state: "Nothing was done.",
    remedy: `Confirm it: --confirm "${plan.phrase}"`,
  });
}
