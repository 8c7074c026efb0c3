import type { QualifiedName } from "../../copy/index.js";
import { type Client, quoteIdentifier, quoteQualified } from "../../postgres/index.js";
import { titleOf } from "../title-of.js";
import type { NamedColumn, Names } from "./named-columns.js";
import type { PlannedRows } from "./request.js";

/** So many foreign keys in a row are followed; what a further one would delete undoes the transaction. */
const farthest = 5;

interface Cascade {
  readonly child: QualifiedName;
  /** For SQL. */
  readonly relation: string;
  readonly columns: readonly string[];
  readonly parentColumns: readonly string[];
}

/** https://www.postgresql.org/docs/17/catalog-pg-constraint.html */
const cascadesTo = `
select
  json_build_object('schema', n.nspname, 'name', c.relname) as child,
  case when c.relkind = 'p' then '' else 'only ' end || format('%I.%I', n.nspname, c.relname) as relation,
  (
    select array_agg(attname::text order by place)
    from unnest(k.conkey) with ordinality as key (number, place)
    join pg_attribute on attrelid = k.conrelid and attnum = number
  ) as columns,
  (
    select array_agg(attname::text order by place)
    from unnest(k.confkey) with ordinality as key (number, place)
    join pg_attribute on attrelid = k.confrelid and attnum = number
  ) as "parentColumns"
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
where k.contype = 'f' and k.confdeltype = 'c' and k.conparentid = 0 and k.confrelid = to_regclass($1)
order by n.nspname, c.relname, k.conname
`;

/** Rows that are deleted: the condition for SQL, on a table that is called by an alias. */
interface Deleted {
  readonly table: QualifiedName;
  readonly relation: string;
  readonly condition: (alias: string) => string;
  readonly depth: number;
}

/**
 * Counts what goes with rows about a user because foreign keys cascade, and with what goes then.
 * @param deleted the columns by which rows name the user that are deleted
 * @param known all columns that name users: of those the plan speaks by itself
 */
export async function countCascades(
  client: Client,
  deleted: readonly NamedColumn[],
  known: readonly NamedColumn[],
  names: Names,
): Promise<PlannedRows[]> {
  const found: PlannedRows[] = [];
  for (const root of deleted) {
    const name = names.of(root);
    const waiting: Deleted[] = [
      {
        table: root.table,
        relation: root.relation,
        condition: (alias) => `${alias}.${quoteIdentifier(root.column)} = $1::${root.type}`,
        depth: 0,
      },
    ];
    for (let parent = waiting.shift(); parent; parent = waiting.shift()) {
      for (const cascade of await readCascades(client, parent, known)) {
        const child = deletedBy(cascade, parent);
        const { rows } = await client.query<{ count: string }>(
          `select count(*)::text as count from ${child.relation} c where ${child.condition("c")}`,
          [name],
        );
        const count = Number(rows[0]?.count);
        if (count === 0) continue;
        const because = `goes with its row of ${titleOf(parent.table)}`;
        found.push({
          table: child.table,
          column: cascade.columns.join(", "),
          rows: count,
          fate: "deleted",
          because,
        });
        if (child.depth < farthest) waiting.push(child);
      }
    }
  }
  return found;
}

async function readCascades(
  client: Client,
  { table }: Deleted,
  known: readonly NamedColumn[],
): Promise<Cascade[]> {
  const { rows } = await client.query<Cascade>(cascadesTo, [quoteQualified(table.schema, table.name)]);
  return rows.filter(
    ({ child, columns }) =>
      columns.length > 1 ||
      !known.some((each) => titleOf(each.table) === titleOf(child) && each.column === columns[0]),
  );
}

function deletedBy({ child, relation, columns, parentColumns }: Cascade, parent: Deleted): Deleted {
  const depth = parent.depth + 1;
  const above = `p${depth}`;
  return {
    table: child,
    relation,
    depth,
    condition: (alias) => {
      const same = columns.map(
        (column, place) =>
          `${above}.${quoteIdentifier(parentColumns[place] ?? "")} = ${alias}.${quoteIdentifier(column)}`,
      );
      return `exists (select from ${parent.relation} ${above} where ${[...same, parent.condition(above)].join(" and ")})`;
    },
  };
}
