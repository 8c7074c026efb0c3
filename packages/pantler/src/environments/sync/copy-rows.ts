import { loadingOrder, replaceRows } from "../../backup/index.js";
import {
  listFilledViews,
  lockForReading,
  readSequences,
  type Snapshot,
  type Table,
  withSnapshot,
} from "../../copy/index.js";
import type { Target } from "../../engine/index.js";
import { type Operation, RefusedError } from "../../operation/index.js";
import { type Client, environmentProblem, quoteLiteral, requireHeldLock } from "../../postgres/index.js";
import { fingerprintOf, readSchema } from "../../schema/index.js";
import { commonColumns, type ProjectData, readProjectData } from "../parity/project-tables.js";
import { conditionOnIdentities } from "../parity/which-users.js";
import type { Side } from "../side.js";
import { type LiveContent, withLiveRows } from "./live-rows.js";
import type { MadePlan } from "./plan.js";

/**
 * Replaces the rows of an environment by those that another one has at this moment, in one transaction.
 * @param to its session holds the deployment lock
 * @throws RefusedError `lock-lost`, `plan-outdated`, and what `replaceRows` throws
 */
export async function copyRows(
  from: Target,
  to: Side,
  made: MadePlan,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { client, target } = to;
  const { users } = made.plan;
  const ids = users ? [...users.added, ...users.replaced].map(({ id }) => id) : [];
  try {
    await withSnapshot(from.url, async (snapshot) => {
      const content = await readContent(snapshot, client, ids);
      await withLiveRows(snapshot, from, content, async (source) => {
        const request = {
          name: "sync",
          // A project that is not Supabase's may have an auth.users of its own, which is a table as all others.
          users: users && ids,
          before: () => requireHeldLock(client, "Nothing was overwritten."),
          after: () => requireSameSchemas(made, snapshot.client, client),
        } as const;
        await replaceRows(client, target.url, source, request, operation, signal);
      });
    });
  } catch (error) {
    throw environmentProblem(target.url, error) ?? error;
  }
}

/**
 * What is copied: all tables of the project, and of users those that the plan names.
 * @param ids of these users
 */
async function readContent(
  { client }: Snapshot,
  target: Client,
  ids: readonly string[],
): Promise<LiveContent> {
  const [ours, theirs] = await Promise.all([readProjectData(client), readProjectData(target)]);
  const onUsers = `id in (${ids.map((id) => `${quoteLiteral(id)}::uuid`).join(", ")})`;
  const conditions = new Map<Table, string | undefined>();
  if (ids.length > 0 && ours.users && theirs.users) {
    conditions.set(shared(ours, theirs, "users"), onUsers);
    conditions.set(shared(ours, theirs, "identities"), conditionOnIdentities(onUsers));
  }
  const tables = loadingOrder([...conditions.keys(), ...ours.tables]);
  await lockForReading(client, tables);
  return {
    tables,
    rowsOf: (table) => conditions.get(table),
    sequences: await readSequences(client, ours.schemas),
    views: await listFilledViews(client, ours.schemas),
  };
}

/** Supabase changes its tables from version to version: a column that only one side knows is left as it is. */
function shared(ours: ProjectData, theirs: ProjectData, which: "users" | "identities"): Table {
  if (!ours.users || !theirs.users) throw new Error("a database without users");
  return { ...ours.users[which], columns: commonColumns(ours.users[which], theirs.users[which]) };
}

/** Neither schema may have changed since the plan was made. */
async function requireSameSchemas({ fingerprints, plan }: MadePlan, from: Client, to: Client): Promise<void> {
  const [ours, theirs] = await Promise.all([readSchema(from), readSchema(to)]);
  const changed = [
    ...(fingerprintOf(ours) === fingerprints[0] ? [] : [plan.from]),
    ...(fingerprintOf(theirs) === fingerprints[1] ? [] : [plan.to]),
  ];
  if (changed.length === 0) return;
  throw new RefusedError({
    code: "plan-outdated",
    message: `Somebody changed the schema of ${changed.join(" and of ")} while the sync was under way.`,
    state: "The transaction was undone; everything is as it was before.",
    remedy: "Run it again.",
  });
}
