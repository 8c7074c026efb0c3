import { listFilledViews, refreshViews, restoreSequences, sqlName } from "../copy/index.js";
import { InputError, type Operation } from "../operation/index.js";
import { type Client, quoteIdentifier } from "../postgres/index.js";
import { dumpedSchemas } from "../schema/index.js";
import { applyEntries } from "./apply-entries.js";
import { isSame } from "./contents.js";
import { withoutForeignKeys } from "./foreign-keys.js";
import { type Load, loadRows, planLoads } from "./load-rows.js";
import type { ArchivedTable } from "./manifest.js";
import { type Merged, type MergeMode, mergeRows } from "./merge-rows.js";
import { undone } from "./one-transaction.js";
import { compareRows, rowsDiffer } from "./restore-verify.js";
import { counted, describeRows, isAuth, replaceAuthRows, type Whole } from "./restore-whole.js";
import { withoutTriggers } from "./triggers.js";

export interface RowsRequest {
  /** Brings rows back by their primary key instead of replacing all of a table's. */
  readonly merge?: MergeMode | undefined;
  /** Whether these are all tables of the archive: then the sequences are set as in it. */
  readonly complete: boolean;
}

/**
 * Replaces or merges the rows of tables, inside the transaction that is open. Foreign keys from and to them are checked
 * anew against every row; their triggers do not fire.
 * @returns for a merge, what became of each table
 * @throws InputError `table-missing`, `columns-missing`
 * @throws UnchangedError `rows-differ`
 */
export async function restoreRows(
  client: Client,
  whole: Whole,
  request: RowsRequest,
  operation: Operation,
): Promise<Map<ArchivedTable, Merged>> {
  const { reader, tables } = whole;
  const merged = new Map<ArchivedTable, Merged>();
  const loads = planLoads(tables, reader.manifest);
  const missing = await makeMissing(client, whole, operation);
  await requireColumns(client, tables);
  await operation.step(request.merge ? "merge the rows" : "load the rows", async (step) => {
    const total = tables.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    const load = async () => {
      for (const load of loads) {
        const { table } = load;
        const rows = counted(reader.rows(table), (bytes) => {
          done += bytes;
          step.progress(done, total, `bytes, ${sqlName(table)}`);
        });
        const result = await loadTable(client, load, rows, request, operation);
        if (result) merged.set(table, result);
      }
    };
    await withoutForeignKeys(client, tables, load);
    step.note(describeRows(tables));
  });
  if (missing.length > 0) await applyEntries(client, missing, true);
  if (request.complete && !request.merge) await restoreSequences(client, whole.sequences);
  else await advanceSequences(client, tables);
  if (!request.merge) {
    await operation.step("compare the rows with the backup", async () => {
      const differences = await compareRows([client], loads);
      if (differences.length > 0) throw rowsDiffer(differences, undone);
    });
  }
  await refreshViews(client, await listFilledViews(client, await dumpedSchemas(client)));
  return merged;
}

async function loadTable(
  client: Client,
  load: Load,
  rows: AsyncIterable<Buffer>,
  { merge }: RowsRequest,
  operation: Operation,
): Promise<Merged | undefined> {
  const { table } = load;
  if (isAuth(table) && !merge) {
    await replaceAuthRows(client, table, rows, operation);
    return undefined;
  }
  const onRefused = () =>
    operation.finding("warning", `the triggers of ${sqlName(table)} ran: the role may not silence them`);
  return await withoutTriggers(client, table, onRefused, async () => {
    if (merge) return await mergeRows(client, table, rows, merge);
    await client.query(`truncate only ${sqlName(table)}`);
    await loadRows(client, load, rows, { freeze: true });
    return undefined;
  });
}

/**
 * Makes the tables that are no longer there, without what is better made once they have rows.
 * @returns the entries to apply then: their indexes and constraints, and foreign keys of others that refer to them
 */
async function makeMissing(client: Client, whole: Whole, operation: Operation): Promise<Whole["post"]> {
  const { rows } = await client.query<{ schema: string; name: string }>(
    `select schema, name from unnest($1::text[], $2::text[]) as wanted (schema, name)
     where to_regclass(quote_ident(schema) || '.' || quote_ident(name)) is null`,
    [whole.tables.map(({ schema }) => schema), whole.tables.map(({ name }) => name)],
  );
  if (rows.length === 0) return [];
  const isMissing = (name: { schema: string; name: string } | undefined) =>
    name !== undefined && rows.some((row) => isSame(row, name));
  const pre = whole.pre.filter(({ relation }) => isMissing(relation));
  await operation.step("make the missing tables", async (step) => {
    await applyEntries(client, pre, true);
    step.note(rows.map(sqlName).join(", "));
  });
  return [...whole.post, ...whole.rights].filter(
    ({ relation, references }) => isMissing(relation) || isMissing(references),
  );
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
