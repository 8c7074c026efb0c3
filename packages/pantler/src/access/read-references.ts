import type { QualifiedName } from "../copy/index.js";
import type { Client } from "../postgres/index.js";

/** A foreign key of one column. */
export interface Reference {
  readonly table: QualifiedName;
  readonly column: string;
  readonly to: QualifiedName;
  readonly toColumn: string;
  readonly notNull: boolean;
  readonly onDelete: "no action" | "restrict" | "cascade" | "set null" | "set default";
  /** Whether it is a partition's share of the partitioned table's. */
  readonly ofPartition: boolean;
}

/** A column that alone is unique in its table. */
export interface UniqueColumn {
  readonly table: QualifiedName;
  readonly column: string;
}

/** A column of a table that the table's own policies read, or of a view that shows one of a table. */
export interface ReadColumn {
  readonly table: QualifiedName;
  readonly column: string;
}

/** A column of a view with the name of one of a table that the view reads. */
export interface ViewColumn {
  readonly view: QualifiedName;
  readonly column: string;
  readonly table: QualifiedName;
}

/** What the catalog tells of who owns what. */
export interface ReferenceFacts {
  readonly references: readonly Reference[];
  readonly unique: readonly UniqueColumn[];
  readonly inPolicies: readonly ReadColumn[];
  readonly ofViews: readonly ViewColumn[];
}

/** https://www.postgresql.org/docs/17/catalog-pg-constraint.html */
const references = `
select
  json_build_object('schema', n.nspname, 'name', c.relname) as "table",
  a.attname as "column",
  json_build_object('schema', tn.nspname, 'name', tc.relname) as "to",
  ta.attname as "toColumn",
  a.attnotnull as "notNull",
  case k.confdeltype
    when 'a' then 'no action' when 'r' then 'restrict' when 'c' then 'cascade'
    when 'n' then 'set null' else 'set default'
  end as "onDelete",
  k.conparentid <> 0 as "ofPartition"
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
join pg_class tc on tc.oid = k.confrelid
join pg_namespace tn on tn.oid = tc.relnamespace
join pg_attribute ta on ta.attrelid = tc.oid and ta.attnum = k.confkey[1]
where k.contype = 'f' and cardinality(k.conkey) = 1 and n.nspname = any ($1)
order by n.nspname, c.relname, a.attnum, k.oid
`;

/** https://www.postgresql.org/docs/17/catalog-pg-index.html */
const unique = `
select json_build_object('schema', n.nspname, 'name', c.relname) as "table", a.attname as "column"
from pg_index i
join pg_class c on c.oid = i.indrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
where i.indisunique and i.indisvalid and i.indnkeyatts = 1 and i.indpred is null and n.nspname = any ($1)
`;

/** https://www.postgresql.org/docs/17/catalog-pg-depend.html */
const inPolicies = `
select distinct json_build_object('schema', n.nspname, 'name', c.relname)::jsonb as "table", a.attname as "column"
from pg_policy p
join pg_class c on c.oid = p.polrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_depend d
  on d.classid = 'pg_policy'::regclass and d.objid = p.oid
  and d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.refobjsubid > 0
join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
where n.nspname = any ($1)
`;

const ofViews = `
select distinct
  json_build_object('schema', n.nspname, 'name', c.relname)::jsonb as "view",
  va.attname as "column",
  json_build_object('schema', tn.nspname, 'name', tc.relname)::jsonb as "table"
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_rewrite r on r.ev_class = c.oid
join pg_depend d
  on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
  and d.refclassid = 'pg_class'::regclass and d.refobjid <> c.oid and d.refobjsubid > 0
join pg_class tc on tc.oid = d.refobjid
join pg_namespace tn on tn.oid = tc.relnamespace
join pg_attribute ta on ta.attrelid = tc.oid and ta.attnum = d.refobjsubid
join pg_attribute va on va.attrelid = c.oid and va.attname = ta.attname and va.attnum > 0
where c.relkind in ('v', 'm') and n.nspname = any ($1)
`;

/** Reads what tells who owns what in some schemas. */
export async function readReferences(client: Client, schemas: readonly string[]): Promise<ReferenceFacts> {
  return {
    references: (await client.query<Reference>(references, [schemas])).rows,
    unique: (await client.query<UniqueColumn>(unique, [schemas])).rows,
    inPolicies: (await client.query<ReadColumn>(inPolicies, [schemas])).rows,
    ofViews: (await client.query<ViewColumn>(ofViews, [schemas])).rows,
  };
}
