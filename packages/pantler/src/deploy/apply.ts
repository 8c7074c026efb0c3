import type { Backup } from "../backup/index.js";
import type { Target } from "../engine/index.js";
import {
  applyMigrations,
  type Batch,
  type FinishedMigration,
  type Objection,
  planFingerprint,
  type Rehearsal,
} from "../migrations/index.js";
import { atMost, type Operation, RefusedError } from "../operation/index.js";
import type { Client } from "../postgres/index.js";
import {
  acrossMajors,
  compareSchemas,
  differenceInWords,
  fingerprintOf,
  readSchema,
  type SchemaObject,
} from "../schema/index.js";
import { recordBegun, recordEnded } from "./deployments.js";
import type { DeployRequest, Stage } from "./request.js";
import { requireWindow, type ValidPlan } from "./validate.js";

/** What was made ready for a deployment, and is held against what is there when it begins. */
export interface Prepared {
  readonly id: string;
  readonly commit: string | undefined;
  readonly plan: ValidPlan;
  readonly backup: Backup;
  readonly rehearsal: Rehearsal;
  /** The live schema, read under the deployment lock just before anything is changed; empty until then. */
  schemaBefore: readonly SchemaObject[];
}

/**
 * Applies what was rehearsed, and nothing else: the plan and the schema have to be those of the rehearsal when it begins,
 * and the schema that of the rehearsal before its last transaction commits.
 * @param stages those that are over, for the record
 * @throws RefusedError `plan-changed`, `schema-changed`, `outside-window`, before anything is done
 * @throws what `migrateUp` throws
 */
export async function applyRehearsed(
  target: Target,
  request: DeployRequest,
  prepared: Prepared,
  stages: readonly Stage[],
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<readonly FinishedMigration[]> {
  const { id, backup } = prepared;
  const before = async (client: Client, batches: readonly Batch[]) => {
    const state = `Nothing was deployed; the backup ${backup.id} stays listed.`;
    requireWindow(target, request, state);
    requireSamePlan(prepared, batches, state);
    await requireSameSchema(client, target, prepared, state);
    await recordBegun(client, begunOf(target, prepared), stages);
  };
  const inspect = async (client: Client) => {
    const objection = objectionTo(await differencesFrom(client, prepared));
    if (!objection) await recordEnded(client, id, "applied");
    return objection;
  };
  const { to, includeAll } = request;
  const safeguards = { backup: backup.id, before, inspect };
  const { applied } = await applyMigrations(target, { to, includeAll }, operation, signal, safeguards);
  return applied;
}

/** In which respects the live schema is not the rehearsed one, in words. */
export async function differencesFrom(client: Client, { rehearsal }: Prepared): Promise<string[]> {
  const live = await readSchema(client);
  const { rows } = await client.query<{ major: number }>(
    "select current_setting('server_version_num')::int / 10000 as major",
  );
  const same = rows[0]?.major === rehearsal.serverMajor;
  const across = (objects: readonly SchemaObject[]) => (same ? objects : acrossMajors(objects));
  return compareSchemas(across(rehearsal.schema), across(live)).map((each) =>
    differenceInWords(each, "was not there in the rehearsal"),
  );
}

function begunOf(target: Target, { id, commit, plan, backup, rehearsal }: Prepared) {
  const { source, schema } = backup.manifest;
  return {
    id,
    environment: target.environment.name,
    commit,
    migrations: plan.versions,
    backup: backup.id,
    schemaBefore: schema.fingerprint,
    schemaAfter: source.major === rehearsal.serverMajor ? fingerprintOf(rehearsal.schema) : undefined,
  };
}

function requireSamePlan({ plan }: Prepared, batches: readonly Batch[], state: string): void {
  if (planFingerprint(batches) === plan.fingerprint) return;
  throw new RefusedError({
    code: "plan-changed",
    message: "What is pending is no longer what was rehearsed: a file or the ledger has changed meanwhile.",
    state,
    remedy: "Run it again.",
  });
}

async function requireSameSchema(
  client: Client,
  { environment }: Target,
  prepared: Prepared,
  state: string,
): Promise<void> {
  prepared.schemaBefore = await readSchema(client);
  if (fingerprintOf(prepared.schemaBefore) === prepared.backup.manifest.schema.fingerprint) return;
  throw new RefusedError({
    code: "schema-changed",
    message: `Somebody has changed the schema of ${environment.name} since it was rehearsed on.`,
    state,
    remedy: `Find out who did, then run it again: pantler migration drift --env ${environment.name}`,
  });
}

function objectionTo(differences: readonly string[]): Objection | undefined {
  if (differences.length === 0) return undefined;
  return {
    code: "schema-not-as-rehearsed",
    message: "The migrations made another schema than in the rehearsal.",
    detail: atMost(differences, 10).join("\n"),
    remedy:
      "See whether somebody changes the schema at the same time, or a migration does what depends on the data or the server.",
  };
}
