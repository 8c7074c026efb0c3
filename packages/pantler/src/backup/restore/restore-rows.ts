import {
  listFilledViews,
  parseDigest,
  type QualifiedName,
  refreshViews,
  restoreSequences,
  sqlName,
} from "../../copy/index.js";
import { InputError, type Operation, type Step, stopWhenAborted } from "../../operation/index.js";
import { type Client, quoteLiteral } from "../../postgres/index.js";
import { dumpedSchemas } from "../../schema/index.js";
import { authTables, isSame } from "../contents.js";
import { advanceSequences } from "./advance-sequences.js";
import { withoutConstraints } from "./lifted-constraints.js";
import { type Load, loadRows, planLoads } from "./load-rows.js";
import { type Merged, type MergeMode, mergeRows } from "./merge-rows.js";
import { undone } from "./one-transaction.js";
import { compareRows, rowsDiffer } from "./restore-verify.js";
import { counted, describeRows, isAuth } from "./restore-whole.js";
import type { MadeTables, RowSource, SourceTable } from "./row-source.js";
import { withoutTriggers } from "./triggers.js";

export interface RowsRequest {
  /** Brings rows back by their primary key instead of replacing all of a table's. */
  readonly merge?: MergeMode | undefined;
  /** Whether these are all tables of the source: then sequences are set as they stand there. */
  readonly complete: boolean;
  /**
   * The ids of the users whose rows the source has. Other users stay as they are; without it, those that the source does not
   * have are removed.
   */
  readonly users?: readonly string[] | undefined;
}

const nothingMade: MadeTables = { tables: [], finish: async () => [] };

/**
 * Replaces or merges the rows of tables, inside the transaction that is open. Foreign keys from and to them are checked
 * anew against every row; their triggers and rules are not followed.
 * @param signal looked at between two tables
 * @returns for a merge, what became of each table
 * @throws InputError `columns-missing`, `key-missing-for-merge`
 * @throws UnchangedError `rows-differ`, `interrupted`
 */
export async function restoreRows<Table extends SourceTable>(
  client: Client,
  source: RowSource<Table>,
  request: RowsRequest,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<Map<Table, Merged>> {
  const { tables } = source;
  const missing = await makeMissing(client, source, operation);
  await requireColumns(client, source);
  const loads = loadsInto(source, missing.tables);
  const merged = await operation.step(request.merge ? "merge the rows" : "load the rows", async (step) => {
    const isNew = ({ table }: Load<Table>) => missing.tables.some((made) => isSame(made, table));
    const load = async () => await loadAll(client, source, loads, isNew, request, step, signal);
    const withoutBoth = async () => await withoutTriggers(client, tables, load);
    const results = await withoutConstraints(client, tables, withoutBoth);
    step.note(describeRows(tables.map((table) => ({ rows: rowsOf(source, table) }))));
    return results;
  });
  const lost = await missing.finish();
  if (lost.length > 0) {
    operation.finding("warning", `views of ${source.name} that are no longer there: ${lost.join(", ")}`);
  }
  if (request.complete && !request.merge) {
    await restoreSequences(client, await present(client, source.sequences));
  } else await advanceSequences(client, tables);
  if (!request.merge) {
    await operation.step(`compare the rows with ${source.name}`, async () => {
      // Where other users stay, theirs were compared one by one as they were merged.
      const whole = loads.filter(({ table }) => !request.users || !isAuth(table));
      const differences = await compareRows([client], whole, source.digestOf);
      if (differences.length > 0) throw rowsDiffer(differences, undone, source.name);
    });
  }
  await operation.step("fill materialised views", async (step) => {
    const views = await viewsToFill(client, source, request.complete);
    if (views.length === 0) return step.skip("there are none");
    await refreshViews(client, views);
    step.note(String(views.length));
  });
  return merged;
}

async function makeMissing<Table extends SourceTable>(
  client: Client,
  { makeMissing: make }: RowSource<Table>,
  operation: Operation,
): Promise<MadeTables> {
  if (!make) return nothingMade;
  return await operation.step("make the missing tables", async (step) => {
    const made = await make(client);
    if (made.tables.length === 0) step.skip("all are there");
    else step.note(made.tables.map(sqlName).join(", "));
    return made;
  });
}

/** Those that are filled where the rows are from, if all of those are loaded, and those that are filled now. */
async function viewsToFill(
  client: Client,
  { views }: Pick<RowSource, "views">,
  complete: boolean,
): Promise<QualifiedName[]> {
  const were = complete ? await present(client, views) : [];
  const filled = await listFilledViews(client, await dumpedSchemas(client));
  return [...were, ...filled.filter((view) => !were.some((each) => isSame(each, view)))];
}

/** Tables that were made are no partitions yet, so that nothing deals rows out to them. */
function loadsInto<Table extends SourceTable>(
  { tables, known }: RowSource<Table>,
  made: readonly QualifiedName[],
): Load<Table>[] {
  const isMade = (name: QualifiedName) => made.some((each) => isSame(each, name));
  const loads = planLoads(tables, known);
  const direct = loads.filter(({ table }) => isMade(table)).map(({ into }) => into);
  return loads.map(({ table, into }) => ({
    table,
    into: direct.some((entrance) => isSame(entrance, into)) ? table : into,
  }));
}

async function loadAll<Table extends SourceTable>(
  client: Client,
  source: RowSource<Table>,
  loads: readonly Load<Table>[],
  isNew: (load: Load<Table>) => boolean,
  { merge, users }: RowsRequest,
  step: Step,
  signal: AbortSignal | undefined,
): Promise<Map<Table, Merged>> {
  const total = loads.reduce((sum, { table }) => sum + table.bytes, 0);
  let done = 0;
  const merged = new Map<Table, Merged>();
  // What was just made has no key yet.
  const isReplaced = (load: Load<Table>) => isNew(load) || (!merge && !isAuth(load.table));
  // All before the first is filled, since a partitioned table may deal rows out to each.
  const emptied = loads.filter(isReplaced).map(({ table }) => `only ${sqlName(table)}`);
  stopWhenAborted(signal, undone);
  if (emptied.length > 0) await client.query(`truncate ${emptied.join(", ")}`);
  for (const load of loads) {
    stopWhenAborted(signal, undone);
    const rows = counted(source.rows(load.table), (bytes) => {
      stopWhenAborted(signal, undone);
      done += bytes;
      step.progress(done, total, `bytes, ${sqlName(load.table)}`);
    });
    if (isReplaced(load)) {
      const inserted = await loadRows(client, load, rows, { freeze: true });
      if (merge) merged.set(load.table, { inserted, updated: 0 });
    } else if (merge) merged.set(load.table, await mergeRows(client, load, rows, source, merge));
    else await mergeRows(client, load, rows, source, "update", removedOf(load.table, users));
  }
  // What is deferred would otherwise keep the tables from being changed again.
  await client.query("set constraints all immediate");
  return merged;
}

/**
 * Under which condition rows of a table of Supabase's go that the source does not have. Where only some users are taken
 * along, a way to sign in that such a user has no more goes, and no user does.
 */
function removedOf(table: SourceTable, users: readonly string[] | undefined): string | undefined {
  if (!users) return "true";
  const [, identities] = authTables;
  if (!identities || !isSame(table, identities) || users.length === 0) return undefined;
  return `present.user_id in (${users.map(quoteLiteral).join(", ")})`;
}

function rowsOf<Table extends SourceTable>({ digestOf }: RowSource<Table>, table: Table): number {
  return Number(parseDigest(digestOf(table)).rows);
}

const missingColumns = `
select wanted.schema || '.' || wanted.name || '.' || wanted.column_name as name
from unnest($1::text[], $2::text[], $3::text[]) as wanted (schema, name, column_name)
where not exists (
  select from pg_attribute
  where attrelid = to_regclass(quote_ident(wanted.schema) || '.' || quote_ident(wanted.name))
    and attname = wanted.column_name
    and not attisdropped
    and attgenerated = ''
)
`;

async function requireColumns(
  client: Client,
  { name: source, tables }: Pick<RowSource, "name" | "tables">,
): Promise<void> {
  const columns = tables.flatMap((table) => table.columns.map((column) => ({ ...table, column })));
  const { rows } = await client.query<{ name: string }>(missingColumns, [
    columns.map(({ schema }) => schema),
    columns.map(({ name }) => name),
    columns.map(({ column }) => column),
  ]);
  if (rows.length === 0) return;
  throw new InputError({
    code: "columns-missing",
    message: `The database no longer has ${rows.map(({ name }) => name).join(", ")}, which the rows of ${source} need.`,
    state: "Nothing was changed.",
    remedy: "Restore everything, or bring the schema to what it was: pantler migration list",
  });
}

/** Sequences or views that are still there. */
async function present<Named extends QualifiedName>(
  client: Client,
  names: readonly Named[],
): Promise<Named[]> {
  const { rows } = await client.query<{ there: boolean }>(
    "select to_regclass(name) is not null as there from unnest($1::text[]) with ordinality as wanted (name, place) order by place",
    [names.map(sqlName)],
  );
  return names.filter((_, index) => rows[index]?.there);
}
