import type { Node } from "libpg-query";
import { asNode } from "../../schema/index.js";
import type { Catalog, Place, Relation } from "./catalog.js";
import { type EffectContext, newRelation, placeOf } from "./effect-context.js";
import { grant } from "./grants.js";
import { drop, rename } from "./name-effects.js";
import { optionIsOn } from "./options.js";
import { alterTable, createTable } from "./table-effects.js";
import { nameOfCall, relationsIn, visitNodes } from "./walk-tree.js";

type NodeName = Node extends infer N ? (N extends N ? keyof N : never) : never;
type Fields<K extends NodeName> = Extract<Node, Record<K, unknown>>[K];

/** Changes the catalog as the statement changes a database. */
export function applyEffects(context: EffectContext): void {
  const { catalog, statement } = context;
  if (statement.opaque) catalog.opaque = true;
  const [kind, fields] = Object.entries(statement.node)[0] ?? [];
  const effect = (effects as Readonly<Record<string, (fields: never, context: EffectContext) => void>>)[
    kind ?? ""
  ];
  effect?.(fields as never, context);
}

const effects: { readonly [K in NodeName]?: (fields: Fields<K>, context: EffectContext) => void } = {
  CreateStmt: createTable,
  CreateTableAsStmt: ({ into, objtype, query }, context) => {
    const kind = objtype === "OBJECT_MATVIEW" ? "materialized view" : "table";
    const relation = newRelation(context, into?.rel, kind);
    relation.complete = false;
    relation.written = true;
    relation.reads = relationsIn(query).flatMap((name) => context.catalog.find(name) ?? []);
    addOnce(context.catalog, relation);
  },
  ViewStmt: ({ view, query, options, replace }, context) => {
    const relation = newRelation(context, view, "view");
    relation.complete = false;
    relation.invoker = optionIsOn(options, "security_invoker");
    relation.reads = relationsIn(query).flatMap((name) => context.catalog.find(name) ?? []);
    const before = context.catalog.find(view);
    if (before && replace) {
      // Its grants stay, whatever a new view would get; its options do not.
      relation.exposedTo.clear();
      for (const role of before.exposedTo) relation.exposedTo.add(role);
    }
    context.catalog.add(relation);
  },
  IndexStmt: ({ relation, idxname, indexParams, unique, whereClause }, context) => {
    context.catalog.find(relation)?.indexes.push({
      name: idxname,
      columns: (indexParams ?? []).map((node) => asNode(node, "IndexElem")?.name),
      unique: unique ?? false,
      partial: whereClause !== undefined && !leavesOutNulls(whereClause),
      at: placeOf(context),
    });
  },
  AlterTableStmt: alterTable,
  RenameStmt: rename,
  DropStmt: drop,
  CreatePolicyStmt: ({ table, policy_name }, { catalog }) => {
    catalog.find(table)?.policies.add(policy_name ?? "");
  },
  GrantStmt: grant,
  CreateEnumStmt: ({ typeName }, { catalog, file }) => {
    catalog.enums.set(catalog.enumKey(typeName), { created: file, added: new Map() });
  },
  AlterEnumStmt: ({ typeName, newVal, oldVal }, context) => {
    if (newVal === undefined || oldVal !== undefined) return;
    const key = context.catalog.enumKey(typeName);
    const known = context.catalog.enums.get(key) ?? { created: undefined, added: new Map<string, Place>() };
    known.added.set(newVal, placeOf(context));
    context.catalog.enums.set(key, known);
  },
  AlterObjectSchemaStmt: ({ relation, newschema }, { catalog }) => {
    const found = catalog.find(relation);
    if (found && newschema !== undefined) catalog.rename(found, { schema: newschema });
  },
  VariableSetStmt: ({ name, args }, { catalog }) => {
    if (name !== "search_path") return;
    catalog.schema = asNode(args?.[0], "A_Const")?.sval?.sval || "public";
  },
  InsertStmt: written,
  UpdateStmt: written,
  DeleteStmt: written,
  MergeStmt: written,
  CopyStmt: written,
  TruncateStmt: ({ relations }, { catalog }) => {
    for (const node of relations ?? []) {
      const found = catalog.find(asNode(node, "RangeVar"));
      if (found) found.written = true;
    }
  },
  SelectStmt: (query, { catalog }) => {
    // A function that is called on its own is called for what it does.
    visitNodes(query, (kind, fields) => {
      if (kind === "FuncCall" && !harmlessCalls.has(nameOfCall(fields as never))) catalog.opaque = true;
      return true;
    });
  },
};

/** A predicate that a search for a value fulfils by itself. */
function leavesOutNulls(predicate: Node): boolean {
  return asNode(predicate, "NullTest")?.nulltesttype === "IS_NOT_NULL";
}

/** Functions that are called on their own and change no table of the project. */
const harmlessCalls = new Set([
  ...["set_config", "pg_catalog.set_config", "setval", "pg_catalog.setval", "nextval", "pg_catalog.nextval"],
  ...["count", "now", "pg_notify", "pg_catalog.pg_notify", "cron.schedule", "cron.unschedule"],
]);

function written(
  { relation }: { readonly relation?: Parameters<Catalog["find"]>[0] },
  { catalog }: EffectContext,
): void {
  const found = catalog.find(relation);
  if (found) found.written = true;
}

/** `if not exists`, or a second text of the same table: what is there stays. */
function addOnce(catalog: Catalog, relation: Relation): void {
  if (!catalog.named(relation.schema, relation.name)) catalog.add(relation);
}
