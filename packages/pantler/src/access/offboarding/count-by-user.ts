import type { QualifiedName } from "../../copy/index.js";
import type { Step } from "../../operation/index.js";
import { type Client, quoteIdentifier, quoteQualified } from "../../postgres/index.js";
import type { NamedColumn } from "./named-columns.js";

/** How many rows name somebody by one column. */
export interface NamingRows {
  readonly table: QualifiedName;
  readonly column: string;
  readonly rows: number;
}

/** Supabase says who owns a file twice; the newer column also holds ids that are not uuids. */
export function withoutSuperseded(columns: readonly NamedColumn[]): NamedColumn[] {
  const owners = columns.filter(({ table, column }) => table.schema === "storage" && column === "owner_id");
  return columns.filter(
    ({ table, column, relation }) =>
      !(
        table.schema === "storage" &&
        column === "owner" &&
        owners.some((each) => each.relation === relation)
      ),
  );
}

/** Rows that name somebody, and whom. */
export interface Found extends NamingRows {
  readonly id: string;
}

/** Counts the rows of each column by whom they name, a scan each. */
export async function countByUser(
  client: Client,
  columns: readonly NamedColumn[],
  step: Step,
): Promise<Found[]> {
  const found: Found[] = [];
  for (const [place, column] of columns.entries()) {
    step.progress(place, columns.length, "columns");
    const { rows } = await client.query<{ id: string; rows: string }>(countStatement(column));
    const { table, column: name } = column;
    found.push(...rows.map(({ id, rows: count }) => ({ table, column: name, id, rows: Number(count) })));
  }
  return found;
}

/** The rows are grouped before users are looked up, so that each is looked up once. */
function countStatement({ column, relation, through }: NamedColumn): string {
  const name = quoteIdentifier(column);
  const grouped = `select ${name} as name, count(*) as rows from ${relation} where ${name} is not null group by 1`;
  if (!through) return `select name::text as id, rows::text from (${grouped}) as grouped`;
  const { table, key, user } = through;
  return `select coalesce(p.${quoteIdentifier(user)}::text, '') as id, sum(rows)::text as rows
    from (${grouped}) as grouped
    join ${quoteQualified(table.schema, table.name)} p on p.${quoteIdentifier(key)} = grouped.name
    where p.${quoteIdentifier(user)} is not null
    group by 1`;
}

/** So many files of each user are named. */
const filesAtMost = 5;

/** The first names of everybody's files, where there is a storage. */
export async function readFiles(
  client: Client,
  columns: readonly NamedColumn[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const isThere = columns.some(({ table }) => table.schema === "storage" && table.name === "objects");
  if (!isThere) return new Map();
  const { rows } = await client.query<{ id: string; files: string[] }>(
    `select id, array_agg(file order by file) as files
    from (
      select
        coalesce(owner_id, owner::text) as id,
        bucket_id || '/' || name as file,
        row_number() over (partition by coalesce(owner_id, owner::text) order by bucket_id, name) as place
      from storage.objects
      where coalesce(owner_id, owner::text) is not null
    ) as files
    where place <= $1
    group by 1`,
    [filesAtMost],
  );
  return new Map(rows.map(({ id, files }) => [id, files]));
}
