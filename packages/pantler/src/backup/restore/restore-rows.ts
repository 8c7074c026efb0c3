import {
  listFilledViews,
  type QualifiedName,
  refreshViews,
  restoreSequences,
  sqlName,
} from "../../copy/index.js";
import { InputError, type Operation, type Step, stopWhenAborted } from "../../operation/index.js";
import { type Client, quoteIdentifier } from "../../postgres/index.js";
import { dumpedSchemas } from "../../schema/index.js";
import type { ArchivedTable, Manifest } from "../archive/manifest.js";
import { isSame } from "../contents.js";
import { withoutConstraints } from "./lifted-constraints.js";
import { type Load, loadRows, planLoads } from "./load-rows.js";
import { type Merged, type MergeMode, mergeRows } from "./merge-rows.js";
import { lostViews, makeMissing } from "./missing-tables.js";
import { undone } from "./one-transaction.js";
import { compareRows, rowsDiffer } from "./restore-verify.js";
import { counted, describeRows, isAuth, type Whole } from "./restore-whole.js";
import { withoutTriggers } from "./triggers.js";

export interface RowsRequest {
  /** Brings rows back by their primary key instead of replacing all of a table's. */
  readonly merge?: MergeMode | undefined;
  /** Whether these are all tables of the archive: then the sequences are set as in it. */
  readonly complete: boolean;
}

/**
 * Replaces or merges the rows of tables, inside the transaction that is open. Foreign keys from and to them are checked
 * anew against every row; their triggers and rules are not followed.
 * @param signal looked at between two tables
 * @returns for a merge, what became of each table
 * @throws InputError `columns-missing`, `key-missing-for-merge`
 * @throws UnchangedError `rows-differ`, `interrupted`
 */
export async function restoreRows(
  client: Client,
  whole: Whole,
  request: RowsRequest,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<Map<ArchivedTable, Merged>> {
  const { reader, tables, sequences } = whole;
  const missing = await operation.step("make the missing tables", async (step) => {
    const made = await makeMissing(client, whole);
    if (made.tables.length === 0) step.skip("all are there");
    else step.note(made.tables.map(sqlName).join(", "));
    return made;
  });
  await requireColumns(client, tables);
  const loads = loadsInto(whole, missing.tables);
  const merged = await operation.step(request.merge ? "merge the rows" : "load the rows", async (step) => {
    const isNew = ({ table }: Load) => missing.tables.some((made) => isSame(made, table));
    const load = async () => await loadAll(client, whole, loads, isNew, request, step, signal);
    const withoutBoth = async () => await withoutTriggers(client, tables, load);
    const results = await withoutConstraints(client, tables, withoutBoth);
    step.note(describeRows(tables));
    return results;
  });
  await missing.finish();
  const lost = await lostViews(client, whole, missing);
  if (lost.length > 0) {
    operation.finding("warning", `views of the backup that are no longer there: ${lost.join(", ")}`);
  }
  if (request.complete && !request.merge) await restoreSequences(client, await present(client, sequences));
  else await advanceSequences(client, tables);
  if (!request.merge) {
    await operation.step("compare the rows with the backup", async () => {
      const differences = await compareRows([client], loads);
      if (differences.length > 0) throw rowsDiffer(differences, undone);
    });
  }
  await operation.step("fill materialised views", async (step) => {
    const views = await viewsToFill(client, reader.manifest, request.complete);
    if (views.length === 0) return step.skip("there are none");
    await refreshViews(client, views);
    step.note(String(views.length));
  });
  return merged;
}

/** Those that were filled when the backup was taken, if all of its rows are restored, and those that are now. */
async function viewsToFill(client: Client, { views }: Manifest, complete: boolean): Promise<QualifiedName[]> {
  const were = complete ? await present(client, views) : [];
  const filled = await listFilledViews(client, await dumpedSchemas(client));
  return [...were, ...filled.filter((view) => !were.some((each) => isSame(each, view)))];
}

/** Tables that were made are no partitions yet, so that nothing deals rows out to them. */
function loadsInto({ tables, reader }: Whole, made: readonly QualifiedName[]): Load[] {
  const isMade = (name: QualifiedName) => made.some((each) => isSame(each, name));
  const loads = planLoads(tables, reader.manifest);
  const direct = loads.filter(({ table }) => isMade(table)).map(({ into }) => into);
  return loads.map(({ table, into }) => ({
    table,
    into: direct.some((entrance) => isSame(entrance, into)) ? table : into,
  }));
}

async function loadAll(
  client: Client,
  { reader }: Whole,
  loads: readonly Load[],
  isNew: (load: Load) => boolean,
  { merge }: RowsRequest,
  step: Step,
  signal: AbortSignal | undefined,
): Promise<Map<ArchivedTable, Merged>> {
  const total = loads.reduce((sum, { table }) => sum + table.bytes, 0);
  let done = 0;
  const merged = new Map<ArchivedTable, Merged>();
  // What was just made has no key yet.
  const isReplaced = (load: Load) => isNew(load) || (!merge && !isAuth(load.table));
  // All before the first is filled, since a partitioned table may deal rows out to each.
  for (const { table } of loads.filter(isReplaced)) {
    stopWhenAborted(signal, undone);
    await client.query(`truncate only ${sqlName(table)}`);
  }
  for (const load of loads) {
    stopWhenAborted(signal, undone);
    const rows = counted(reader.rows(load.table), (bytes) => {
      stopWhenAborted(signal, undone);
      done += bytes;
      step.progress(done, total, `bytes, ${sqlName(load.table)}`);
    });
    if (isReplaced(load)) {
      await loadRows(client, load, rows, { freeze: true });
      if (merge) merged.set(load.table, { inserted: load.table.rows, updated: 0 });
    } else if (merge) merged.set(load.table, await mergeRows(client, load, rows, merge));
    else await mergeRows(client, load, rows, "update", true);
  }
  // What is deferred would otherwise keep the tables from being changed again.
  await client.query("set constraints all immediate");
  return merged;
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

async function requireColumns(client: Client, tables: readonly ArchivedTable[]): Promise<void> {
  const columns = tables.flatMap((table) => table.columns.map((column) => ({ ...table, column })));
  const { rows } = await client.query<{ name: string }>(missingColumns, [
    columns.map(({ schema }) => schema),
    columns.map(({ name }) => name),
    columns.map(({ column }) => column),
  ]);
  if (rows.length === 0) return;
  throw new InputError({
    code: "columns-missing",
    message: `The database no longer has ${rows.map(({ name }) => name).join(", ")}, which the backup's rows need.`,
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

/** Sequences that give a table's column its values, and the largest value it has. */
const ownedSequences = `
select
  quote_ident(sequence_schema.nspname) || '.' || quote_ident(sequence.relname) as sequence,
  attname as column,
  seqincrement::text as increment
from pg_depend
join pg_class as sequence on sequence.oid = objid and sequence.relkind = 'S'
join pg_namespace as sequence_schema on sequence_schema.oid = sequence.relnamespace
join pg_sequence on seqrelid = sequence.oid
join pg_attribute on attrelid = refobjid and attnum = refobjsubid
where pg_depend.classid = 'pg_class'::regclass
  and refclassid = 'pg_class'::regclass
  and deptype in ('a', 'i')
  and refobjid = $1::regclass
`;

/** Moves sequences past the values that rows have now, so that the next row does not collide; they never go back. */
async function advanceSequences(client: Client, tables: readonly ArchivedTable[]): Promise<void> {
  for (const table of tables) {
    const { rows } = await client.query<{ sequence: string; column: string; increment: string }>(
      ownedSequences,
      [sqlName(table)],
    );
    for (const { sequence, column, increment } of rows) {
      const farthest = increment.startsWith("-") ? "min" : "max";
      const beyond = increment.startsWith("-") ? "<" : ">";
      const { rows: found } = await client.query<{ next: string }>(
        `select (farthest + ${BigInt(increment)})::text as next
         from (select ${farthest}(${quoteIdentifier(column)})::bigint as farthest from ${sqlName(table)}) as present
         cross join ${sequence} as sequence
         where farthest ${beyond} last_value or farthest = last_value and not is_called`,
      );
      if (found[0]) await client.query(`alter sequence ${sequence} restart with ${BigInt(found[0].next)}`);
    }
  }
}
