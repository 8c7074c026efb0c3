import { sqlName } from "../../copy/index.js";
import { type Client, quoteIdentifier } from "../../postgres/index.js";
import type { Project } from "../../project/index.js";
import type { AccessIdentity } from "../identities.js";
import { readOwnership } from "../ownership.js";
import { type PolicyReads, readPolicy } from "./candidates.js";
import { filterOf } from "./filter.js";
import { type IndexCandidate, statementOf } from "./index-candidate.js";
import { readKeyColumns } from "./key-columns.js";
import { type KnownTables, readKnownTables } from "./known-tables.js";
import type { Multiplication, OwnerMark } from "./multiply.js";
import { type RoleStanding, readRules, readStanding } from "./rules.js";
import { type ExplainedTable, findTable } from "./table.js";

/** What could be tried for a table, and what it takes to try it. */
export interface Opportunities {
  readonly candidates: readonly IndexCandidate[];
  readonly multiplication: Omit<Multiplication, "rows">;
}

interface Asker {
  readonly table: ExplainedTable;
  readonly identity: AccessIdentity;
  readonly standing: RoleStanding;
  readonly share: number;
}

/** No more indexes than these are tried, the explained table's first. */
const triedAtMost = 12;

/** Finds the indexes that might help reading a table, from its policies and those of the tables that they read. */
export async function findOpportunities(
  client: Client,
  project: Project,
  { table, identity, standing, share }: Asker,
): Promise<Opportunities> {
  const known = await readKnownTables(client);
  const candidates = new Map<string, IndexCandidate>();
  const tables = new Map<string, ExplainedTable>([[sqlName(table), table]]);
  const compared = new Set<string>();
  // It grows while it is walked: a policy's sub-query is under the policies of what it reads.
  for (const each of tables.values()) {
    const reads = await readTable(client, each, standing.role, known);
    for (const candidate of reads.candidates) candidates.set(statementOf(candidate), candidate);
    for (const { table: of, column } of reads.compared) compared.add(`${sqlName(of)}.${column}`);
    for (const next of reads.tables) {
      if (tables.has(sqlName(next)) || next.schema === "auth") continue;
      tables.set(sqlName(next), await findTable(client, `${next.schema}.${next.name}`));
    }
  }
  const keys = await readKeyColumns(client);
  // What a policy looks rows up by becomes another one in every copy, and what that refers to with it.
  const parents = keys
    .filter((key) => compared.has(`${sqlName(key.table)}.${key.column}`) && key.toTable.schema !== "auth")
    .map(({ toTable }) => toTable);
  const names = new Map([...tables.values(), ...parents].map((each) => [sqlName(each), each]));
  const along = [...names.values()].filter((each) => sqlName(each) !== sqlName(table));
  return {
    candidates: [...candidates.values()].slice(0, triedAtMost),
    multiplication: {
      tables: [table, ...along],
      owners: await readOwnerMarks(client, project, identity),
      keys,
      share,
    },
  };
}

async function readTable(
  client: Client,
  table: ExplainedTable,
  role: string,
  known: KnownTables,
): Promise<PolicyReads> {
  const standing = await readStanding(client, table, role);
  const [rules] = await readRules(client, table, standing);
  if (!rules || !standing.bound || rules.permissive.length === 0)
    return { candidates: [], compared: [], tables: [] };
  return await readPolicy(filterOf(rules), table, known);
}

/** The columns that name users, with what they say of the identity. */
async function readOwnerMarks(
  client: Client,
  project: Project,
  { userId }: AccessIdentity,
): Promise<OwnerMark[]> {
  const { columns, profiles } = await readOwnership(client, project);
  const keys = new Map<string, string>();
  for (const { table, key, user } of profiles) {
    const { rows } = await client.query<{ key: string }>(
      `select ${key === user ? "$1::text" : `(select ${quoteIdentifier(key)}::text from ${sqlName(table)} where ${quoteIdentifier(user)}::text = $1)`} as key`,
      [userId ?? ""],
    );
    if (rows[0]?.key) keys.set(`${sqlName(table)}.${key}`, rows[0].key);
  }
  const profileColumns = profiles.flatMap(({ table, key, user }) => [
    { table, column: user, value: userId },
    ...(key === user ? [] : [{ table, column: key, value: keys.get(`${sqlName(table)}.${key}`) }]),
  ]);
  const named = columns.map(({ table, column, through }) => ({
    table,
    column,
    value: through ? keys.get(`${sqlName(through.table)}.${through.key}`) : userId,
  }));
  return [...profileColumns, ...named];
}
