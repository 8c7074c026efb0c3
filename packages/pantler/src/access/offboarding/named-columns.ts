import type { QualifiedName } from "../../copy/index.js";
import { type Client, quoteIdentifier, quoteQualified } from "../../postgres/index.js";
import type { Project } from "../../project/index.js";
import { readSchemas } from "../../schema/index.js";
import { type OwnerColumn, type Profile, readOwnership } from "../ownership.js";
import { titleOf } from "../title-of.js";

/** A column by which rows name somebody, with what decides about them. */
export interface NamedColumn {
  readonly table: QualifiedName;
  readonly column: string;
  /** For SQL: the table, without those that inherit from it. */
  readonly relation: string;
  /** The column's type for SQL. */
  readonly type: string;
  readonly notNull: boolean;
  readonly through: Profile | undefined;
  readonly onDelete: OwnerColumn["onDelete"];
  /** Why there can be only one such row for a user, or one for each user and something else; undefined where there can be many. */
  readonly isAboutUser: "unique" | "part of the primary key" | undefined;
  /** What the config says of it; undefined where it says nothing of the table. */
  readonly declared: boolean | undefined;
  /** Whether the table is the profile itself, to which others refer. */
  readonly isProfile: boolean;
}

/** Owners of files, of whom no foreign key tells (Supabase dropped it, so that users could be deleted). */
const storageColumns = ["owner", "owner_id"].flatMap((column) =>
  ["buckets", "objects"].map((name) => ({ table: { schema: "storage", name }, column })),
);

/** https://www.postgresql.org/docs/17/catalog-pg-index.html; views that the config names have no rows of their own, and a number is no user's id. */
const factsOf = `
select
  wanted.place::int as place,
  case when c.relkind = 'p' then '' else 'only ' end || format('%I.%I', n.nspname, c.relname) as relation,
  format_type(a.atttypid, a.atttypmod) as type,
  a.attnotnull as "notNull",
  coalesce(bool_or(i.indnkeyatts = 1 and i.indpred is null), false) as "isUnique",
  coalesce(bool_or(i.indisprimary), false) as "isKey"
from unnest($1::text[], $2::text[], $3::text[], $4::bool[]) with ordinality as wanted (schema, name, column_name, is_key, place)
join pg_namespace n on n.nspname = wanted.schema
join pg_class c on c.relnamespace = n.oid and c.relname = wanted.name and c.relkind in ('r', 'p')
join pg_attribute a on a.attrelid = c.oid and a.attname = wanted.column_name and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid and (is_key or t.typcategory = 'S' or 'uuid'::regtype in (t.oid, t.typbasetype))
left join pg_index i
  on i.indrelid = c.oid and i.indisunique and i.indisvalid
  and a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1])
group by 1, 2, 3, 4
order by 1
`;

interface Facts {
  readonly place: number;
  readonly relation: string;
  readonly type: string;
  readonly notNull: boolean;
  readonly isUnique: boolean;
  readonly isKey: boolean;
}

/**
 * Lists the columns by which rows name users: foreign keys to `auth.users` or to a table that stands for users, what the
 * config declares, and the owners of files.
 */
export async function readNamedColumns(client: Client, project: Project): Promise<NamedColumn[]> {
  const { columns, profiles } = await readOwnership(client, project);
  const { own } = await readSchemas(client);
  const files = own.includes("storage") ? [] : storageColumns;
  const wanted: Pick<OwnerColumn, "table" | "column" | "through" | "onDelete" | "isForeignKey">[] = [
    // A session is nobody else's, whatever refers to whom.
    ...columns.filter(({ table }) => table.schema !== "auth"),
    ...files.map((file) => ({ ...file, through: undefined, onDelete: undefined, isForeignKey: false })),
  ];
  const { rows } = await client.query<Facts>(factsOf, [
    wanted.map(({ table }) => table.schema),
    wanted.map(({ table }) => table.name),
    wanted.map(({ column }) => column),
    wanted.map(({ isForeignKey }) => isForeignKey),
  ]);
  const named = rows.flatMap(({ place, isUnique, isKey, ...facts }): NamedColumn[] => {
    const column = wanted[place - 1];
    if (!column) return [];
    const declared = project.access.owners[titleOf(column.table)];
    return [
      {
        ...facts,
        ...column,
        isAboutUser: isUnique ? "unique" : isKey ? "part of the primary key" : undefined,
        declared: declared?.includes(column.column),
        isProfile: profiles.some(
          (profile) =>
            titleOf(profile.table) === titleOf(column.table) &&
            profile.user === column.column &&
            !column.through,
        ),
      },
    ];
  });
  // Of two keys of one column to users, the first one is enough.
  return named.filter((one, place) => named.findIndex((each) => isSame(each, one)) === place);
}

function isSame(left: NamedColumn, right: NamedColumn): boolean {
  return left.relation === right.relation && left.column === right.column;
}

/** Puts columns together by their table, in the order in which tables first come. */
export function byTable(columns: readonly NamedColumn[]): readonly (readonly NamedColumn[])[] {
  const tables = new Map<string, NamedColumn[]>();
  for (const column of columns) {
    tables.set(column.relation, [...(tables.get(column.relation) ?? []), column]);
  }
  return [...tables.values()];
}

/** What a user is called by a column: the user's id, or the key of the user's row in the table between. */
export class Names {
  readonly #keys: ReadonlyMap<string, string>;
  readonly #id: string;

  private constructor(id: string, keys: ReadonlyMap<string, string>) {
    this.#id = id;
    this.#keys = keys;
  }

  static async read(client: Client, id: string, columns: readonly NamedColumn[]): Promise<Names> {
    const keys = new Map<string, string>();
    for (const { through } of columns) {
      if (!through || keys.has(profileTitle(through))) continue;
      const { rows } = await client.query<{ key: string }>(
        `select ${quoteIdentifier(through.key)}::text as key
        from ${quoteQualified(through.table.schema, through.table.name)}
        where ${quoteIdentifier(through.user)}::text = $1`,
        [id],
      );
      if (rows[0]) keys.set(profileTitle(through), rows[0].key);
    }
    return new Names(id, keys);
  }

  /** Undefined where the user has no row in the table between, and so cannot be named. */
  of({ through }: Pick<NamedColumn, "through">): string | undefined {
    return through ? this.#keys.get(profileTitle(through)) : this.#id;
  }
}

function profileTitle({ table, key, user }: Profile): string {
  return `${titleOf(table)} ${key} ${user}`;
}
