import type { Client } from "../../postgres/index.js";

/** A function that is not the server's own. */
export interface FunctionFacts {
  readonly oid: string;
  readonly name: string;
  readonly title: string;
  readonly language: string;
  readonly trusted: boolean;
  readonly body: string;
  /** The extension whose member it is. */
  readonly extension: string | null;
}

/** A trigger that is enabled. */
export interface TriggerFacts {
  readonly relation: string;
  readonly name: string;
  /** `pg_trigger.tgtype`. */
  readonly bits: number;
  readonly function: string;
}

export interface ReachFacts {
  readonly functions: readonly FunctionFacts[];
  readonly triggers: readonly TriggerFacts[];
  readonly relations: readonly {
    readonly oid: string;
    readonly name: string;
    readonly title: string;
    readonly isForeign: boolean;
    readonly isView: boolean;
    readonly takesNumbers: boolean;
  }[];
  /** What reading a relation calls and reads: its policies, and a view's query. By the relation's id. */
  readonly whenRead: readonly Dependency[];
  /** What writing a row calls besides: defaults, generated columns, checks. */
  readonly whenWritten: readonly Dependency[];
  /** Partitions and what inherits, by the parent's id. */
  readonly children: readonly { readonly parent: string; readonly child: string }[];
}

export interface Dependency {
  readonly relation: string;
  readonly function: string | null;
  readonly reads: string | null;
}

/** Below this number are the objects that initdb made. */
const functionsOf = `
select
  p.oid::text as oid,
  p.proname as name,
  p.oid::regprocedure::text as title,
  l.lanname as language,
  l.lanpltrusted or l.lanname = 'internal' as trusted,
  coalesce(pg_get_function_sqlbody(p.oid), p.prosrc, '') as body,
  (
    select extname from pg_depend join pg_extension e on e.oid = refobjid
    where classid = 'pg_proc'::regclass and objid = p.oid and deptype = 'e'
  ) as extension
from pg_proc p
join pg_language l on l.oid = p.prolang
where p.oid >= 16384
`;

const triggersOf = `
select tgrelid::text as relation, tgname as name, tgtype as bits, tgfoid::text as function
from pg_trigger
where not tgisinternal and tgenabled <> 'D'
`;

const relationsOf = `
select
  c.oid::text as oid,
  c.relname as name,
  c.oid::regclass::text as title,
  c.relkind = 'f' as "isForeign",
  c.relkind = 'v' as "isView",
  exists (
    select from pg_attribute a
    left join pg_attrdef on adrelid = c.oid and adnum = a.attnum
    left join pg_depend on classid = 'pg_attrdef'::regclass and objid = pg_attrdef.oid and refclassid = 'pg_class'::regclass
    left join pg_class s on s.oid = refobjid and s.relkind = 'S'
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and (a.attidentity <> '' or s.oid is not null)
  ) as "takesNumbers"
from pg_class c
where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.oid >= 16384
`;

const whenRead = `
select c.relation::text as relation, d.function::text as function, d.reads::text as reads
from (
  select polrelid as relation, 'pg_policy'::regclass as class, oid from pg_policy
  union all
  select ev_class, 'pg_rewrite'::regclass, oid from pg_rewrite where ev_class >= 16384
) c
cross join lateral (
  select
    case when refclassid = 'pg_proc'::regclass then refobjid end as function,
    case when refclassid = 'pg_class'::regclass and refobjid <> c.relation then refobjid end as reads
  from pg_depend
  where classid = c.class and objid = c.oid and refobjid >= 16384
) d
where d.function is not null or d.reads is not null
`;

const whenWritten = `
select owner.relation::text as relation, refobjid::text as function, null as reads
from (
  select 'pg_attrdef'::regclass as class, oid, adrelid as relation from pg_attrdef
  union all
  select 'pg_constraint'::regclass, oid, conrelid from pg_constraint where conrelid <> 0
) owner
join pg_depend on classid = owner.class and objid = owner.oid and refclassid = 'pg_proc'::regclass
where refobjid >= 16384
`;

/** Reads what statements may set going: https://www.postgresql.org/docs/17/catalog-pg-depend.html */
export async function readReachFacts(client: Client): Promise<ReachFacts> {
  const read = async <Row extends object>(text: string) => (await client.query<Row>(text)).rows;
  return {
    functions: await read(functionsOf),
    triggers: await read(triggersOf),
    relations: await read(relationsOf),
    whenRead: await read(whenRead),
    whenWritten: await read(whenWritten),
    children: await read(
      "select inhparent::text as parent, inhrelid::text as child from pg_inherits where inhparent >= 16384",
    ),
  };
}
