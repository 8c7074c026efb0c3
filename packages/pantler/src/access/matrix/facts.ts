import { createHash } from "node:crypto";
import type { QualifiedName } from "../../copy/index.js";
import { type Client, readTokens } from "../../postgres/index.js";
import type { Command, RelationKind } from "./matrix.js";

/** So many texts of policies are tried as values. */
const mostLiterals = 12;

export interface ColumnFacts {
  readonly name: string;
  readonly place: number;
  /** The letter of `pg_type.typcategory`; a domain's is its base type's. */
  readonly category: string;
  /** The type's own name; a domain's is its base type's. */
  readonly type: string;
  readonly labels: readonly string[] | null;
  readonly notNull: boolean;
  readonly isGenerated: boolean;
  /** `generated always as identity`: it takes a value only where the statement overrides. */
  readonly isAlwaysIdentity: boolean;
  readonly hasDefault: boolean;
  /** Whether the default takes a number from a sequence, which no rollback gives back. */
  readonly takesNumber: boolean;
  /** Whether a view passes changes of it on. */
  readonly isUpdatable: boolean;
  /** Whether a key consists of it or has it in it. */
  readonly isInKey: boolean;
  /** Whether it refers to a row of another table. */
  readonly refers: boolean;
}

export interface PolicyFacts {
  readonly command: Command | "all";
  readonly permissive: boolean;
  /** Ids of roles; 0 is everybody. */
  readonly roles: readonly string[];
  readonly names: readonly string[];
  readonly using: string | null;
  readonly check: string | null;
  /** Columns of the table that it reads. */
  readonly reads: readonly string[];
}

/** What the catalog tells of a table or view. */
export interface RelationFacts extends QualifiedName {
  readonly oid: string;
  readonly kind: RelationKind;
  readonly columns: readonly ColumnFacts[];
  readonly policies: readonly PolicyFacts[];
  readonly rowSecurity: boolean;
  /** How many rows there are, as far as the planner knows; for a view 0. */
  readonly estimate: number;
  /** Commands that the relation can take at all. */
  readonly takes: readonly Command[];
  /** Whether rules rewrite its statements. */
  readonly hasRules: boolean;
  /** Triggers before each row of an update, which may quietly put a value back. */
  readonly hasBeforeUpdate: boolean;
  /** Triggers before each row of an insert, which may quietly put another owner in. */
  readonly hasBeforeInsert: boolean;
  /** Whether a view has a condition of its own for what is written through it, which is looked at after constraints. */
  readonly hasCheckOption: boolean;
  /** Commands after which triggers run that may still refuse. */
  readonly afterTriggers: readonly Command[];
  /** Whether deleting a row, or changing its key, changes rows of other tables. */
  readonly hasCascades: boolean;
  readonly isPartition: boolean;
  /** The texts that its policies, or those of the tables that it shows, compare something with. */
  readonly literals: readonly string[];
  readonly rules: string;
}

type Row = Omit<RelationFacts, "rules" | "estimate" | "takes" | "kind" | "literals"> & {
  readonly relkind: string;
  readonly estimate: string;
  readonly updatable: number;
  readonly view: string | null;
  readonly functions: string | null;
  readonly forced: boolean;
  /** Ids of itself and of what it shows. */
  readonly shows: readonly string[];
};

/**
 * Relations of some schemas, without members of extensions: https://www.postgresql.org/docs/17/catalog-pg-class.html,
 * https://www.postgresql.org/docs/17/catalog-pg-policy.html. A table that was never analysed has as many rows as fit.
 */
const relationsOf = `
with recursive shown (view, oid) as (
  select oid, oid from pg_class where relkind in ('r', 'p', 'v')
  union
  select shown.view, d.refobjid
  from shown
  join pg_rewrite r on r.ev_class = shown.oid
  join pg_depend d
    on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
    and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class
)
select
  c.oid::text as oid,
  n.nspname as schema,
  c.relname as name,
  c.relkind::text as relkind,
  c.relispartition as "isPartition",
  c.relrowsecurity as "rowSecurity",
  array(select shown.oid::text from shown where view = c.oid) as shows,
  c.relforcerowsecurity as forced,
  case when c.relkind in ('v', 'f') then 0 else (
    select coalesce(sum(
      case
        when leaf.relpages > 0 then leaf.reltuples / leaf.relpages * pg_relation_size(leaf.oid) / 8192
        else pg_relation_size(leaf.oid) / 60
      end
    ), 0)
    from pg_class leaf
    where leaf.relkind in ('r', 'm')
      and (leaf.oid = c.oid or leaf.oid in (select relid from pg_partition_tree(c.oid)))
  ) end::bigint as estimate,
  case when c.relkind in ('m', 'f') then 0 else pg_relation_is_updatable(c.oid, true) end as updatable,
  case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) || coalesce(array_to_string(c.reloptions, ','), '') end as view,
  exists (select from pg_rewrite where ev_class = c.oid and rulename <> '_RETURN' and ev_enabled <> 'D') as "hasRules",
  exists (
    select from pg_trigger
    where tgrelid in (select shown.oid from shown where view = c.oid)
      and not tgisinternal and tgenabled <> 'D' and tgtype & 19 = 19
  ) as "hasBeforeUpdate",
  exists (
    select from pg_trigger
    where tgrelid in (select shown.oid from shown where view = c.oid)
      and not tgisinternal and tgenabled <> 'D' and tgtype & 7 = 7
  ) as "hasBeforeInsert",
  exists (
    select from shown join pg_class each on each.oid = shown.oid
    where shown.view = c.oid and each.relkind = 'v' and array_to_string(each.reloptions, ',') like '%check_option%'
  ) as "hasCheckOption",
  array(
    select command
    from unnest(array['insert', 'delete', 'update'], array[4, 8, 16]) as each (command, bit)
    where exists (
      select from pg_trigger
      where tgrelid = c.oid and not tgisinternal and tgenabled <> 'D' and tgtype & 66 = 0 and tgtype & bit = bit
    )
  ) as "afterTriggers",
  exists (
    select from pg_constraint
    where contype = 'f' and confrelid = c.oid and (confdeltype in ('c', 'n', 'd') or confupdtype in ('c', 'n', 'd'))
  ) as "hasCascades",
  coalesce((
    select json_agg(json_build_object(
      'name', a.attname,
      'place', a.attnum,
      'category', t.typcategory,
      'type', (select typname from pg_type where oid = case when t.typtype = 'd' then t.typbasetype else t.oid end),
      'labels', (
        select json_agg(enumlabel order by enumsortorder) from pg_enum
        where enumtypid = case when t.typtype = 'd' then t.typbasetype else t.oid end
      ),
      'notNull', a.attnotnull,
      'isGenerated', a.attgenerated <> '',
      'isAlwaysIdentity', a.attidentity = 'a',
      'hasDefault', a.atthasdef,
      'takesNumber', a.attidentity <> '' or exists (
        select from pg_attrdef
        join pg_depend on classid = 'pg_attrdef'::regclass and objid = pg_attrdef.oid
        join pg_class s on refclassid = 'pg_class'::regclass and s.oid = refobjid and s.relkind = 'S'
        where adrelid = c.oid and adnum = a.attnum
      ),
      'isUpdatable', c.relkind not in ('v', 'f', 'm') or pg_column_is_updatable(c.oid, a.attnum, true),
      'refers', exists (select from pg_constraint where conrelid = c.oid and contype = 'f' and a.attnum = any (conkey)),
      'isInKey', exists (select from pg_index where indrelid = c.oid and indisunique and a.attnum = any (indkey))
    ) order by a.attnum)
    from pg_attribute a
    join pg_type t on t.oid = a.atttypid
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  ), '[]') as columns,
  coalesce((
    select json_agg(json_build_object(
      'command', case polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
      'permissive', polpermissive,
      'roles', array(select role::text from unnest(polroles) as each (role) order by 1),
      'names', array(select pg_get_userbyid(role) from unnest(polroles) as each (role) where role <> 0 order by 1),
      'using', pg_get_expr(polqual, polrelid),
      'check', pg_get_expr(polwithcheck, polrelid),
      'reads', array(
        select distinct a.attname
        from pg_depend
        join pg_attribute a on a.attrelid = refobjid and a.attnum = refobjsubid
        where classid = 'pg_policy'::regclass and objid = p.oid
          and refclassid = 'pg_class'::regclass and refobjid = c.oid and refobjsubid > 0
        order by 1
      )
    ) order by polname)
    from pg_policy p
    where polrelid = c.oid
  ), '[]') as policies,
  (
    select string_agg(distinct f.oid::regprocedure::text || md5(f.prosrc), ',' order by f.oid::regprocedure::text || md5(f.prosrc))
    from pg_depend d
    join pg_proc f on d.refclassid = 'pg_proc'::regclass and f.oid = d.refobjid and f.oid >= 16384
    where d.classid = 'pg_policy'::regclass and d.objid in (select oid from pg_policy where polrelid = c.oid)
      or d.classid = 'pg_rewrite'::regclass and d.objid in (select oid from pg_rewrite where ev_class = c.oid)
  ) as functions
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any ($1)
  and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and not exists (
    select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'e'
  )
order by n.nspname collate "C", c.relname collate "C"
`;

/**
 * Reads the tables and views of some schemas.
 * @param client in a transaction whose search path names no schema, so that expressions come out with theirs
 */
export async function readFacts(client: Client, schemas: readonly string[]): Promise<RelationFacts[]> {
  const { rows } = await client.query<Row>(relationsOf, [schemas]);
  const policies = new Map(rows.map((row) => [row.oid, row.policies]));
  return rows.map(({ shows, ...row }) => ({
    ...row,
    literals: literalsIn(shows.flatMap((oid) => policies.get(oid) ?? [])),
    kind: kindOf(row),
    estimate: Number(row.estimate),
    takes: takenBy(row),
    rules: fingerprint([
      row.rowSecurity,
      row.forced,
      row.view,
      row.functions,
      row.policies.map(({ command, permissive, names, using, check }) => [
        command,
        permissive,
        // A role's id is another in another database, its name is not.
        names,
        using,
        check,
      ]),
    ]),
  }));
}

/** The texts in expressions, such as a status; numbers and what is written in another way are left out. */
function literalsIn(policies: readonly PolicyFacts[]): string[] {
  const found = policies.flatMap(({ using, check }) =>
    [using, check].flatMap((expression) =>
      [...readTokens(expression ?? "")].flatMap(({ kind, from, to }) => {
        const text = (expression ?? "").slice(from, to);
        return kind === "string" && text.startsWith("'") ? [text.slice(1, -1).replaceAll("''", "'")] : [];
      }),
    ),
  );
  return [...new Set(found)].slice(0, mostLiterals);
}

/** A short text that changes with what it is made of. */
export function fingerprint(parts: unknown): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 12);
}

function kindOf({ relkind, isPartition }: Pick<Row, "relkind" | "isPartition">): RelationKind {
  switch (relkind) {
    case "v":
      return "view";
    case "m":
      return "materialised view";
    case "f":
      return "foreign table";
    default:
      return isPartition ? "partition" : relkind === "p" ? "partitioned table" : "table";
  }
}

/** The bits are those of `CmdType` in PostgreSQL's nodes.h: update 2, insert 3, delete 4. */
function takenBy({ relkind, updatable }: Pick<Row, "relkind" | "updatable">): Command[] {
  if (relkind === "f") return ["select", "insert", "update", "delete"];
  const bits: readonly (readonly [Command, number])[] = [
    ["insert", 1 << 3],
    ["update", 1 << 2],
    ["delete", 1 << 4],
  ];
  return ["select", ...bits.flatMap(([command, bit]) => ((updatable & bit) === bit ? [command] : []))];
}
