import { counted } from "../../operation/index.js";
import { readProjectData } from "../parity/project-tables.js";
import type { WhichUsers } from "../parity/which-users.js";
import type { Side } from "../side.js";
import { describeOthersRows, requireOwners } from "./owned-rows.js";
import { planTables } from "./plan-tables.js";
import { planUsers, readUsers } from "./plan-users.js";
import { overwritePhrase, type PlannedTable, type PlannedUsers, type SyncPlan } from "./request.js";
import { requireAlike } from "./require-alike.js";

/** A plan, and what was true when it was made. */
export interface MadePlan {
  readonly plan: SyncPlan;
  /** The fingerprints of the schemas of source and target. */
  readonly fingerprints: readonly [string, string];
}

/**
 * Finds out what a sync would do, and whether it could.
 * @throws RefusedError `schemas-differ`, `address-taken`, `users-missing`
 * @throws EnvironmentError `right-missing`
 */
export async function makePlan(from: Side, to: Side, which: WhichUsers): Promise<MadePlan> {
  const fingerprints = await requireAlike(from, to);
  const [ours, theirs] = await Promise.all([readProjectData(from.client), readProjectData(to.client)]);
  const tables = await planTables(from.client, to.client, ours.tables);
  const warnings = emptied(from, to, tables);
  let users: PlannedUsers | undefined;
  if (ours.users && theirs.users) {
    const wanted = await readUsers(from, which);
    users = await planUsers(from, to, wanted, which);
    await requireOwners(from, to, wanted, ours.schemas);
    warnings.push(...(await describeOthersRows(from, to, wanted, ours.schemas)), ...stay(from, to, users));
  }
  const phrase = to.target.environment.protected ? overwritePhrase(to.name) : undefined;
  return { fingerprints, plan: { from: from.name, to: to.name, tables, users, warnings, phrase } };
}

function emptied(from: Side, to: Side, tables: readonly PlannedTable[]): string[] {
  return tables
    .filter(({ now, after }) => now > 0 && after === 0)
    .map(
      ({ schema, name, now }) =>
        `${schema}.${name} of ${to.name} has ${counted(now, "row")} and will be empty, as it is in ${from.name}`,
    );
}

/** So many users are named. */
const namedAtMost = 5;

function stay(from: Side, to: Side, { kept }: PlannedUsers): string[] {
  if (kept.length === 0) return [];
  const names = kept.slice(0, namedAtMost).map(({ email, id }) => email ?? id);
  const more = kept.length > namedAtMost ? [`${kept.length - namedAtMost} more`] : [];
  return [`users of ${to.name} that ${from.name} does not have stay: ${[...names, ...more].join(", ")}`];
}
