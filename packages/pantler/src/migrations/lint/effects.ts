import type {
  AlterTableCmd,
  AlterTableStmt,
  ColumnDef,
  Constraint,
  CreateStmt,
  DropStmt,
  GrantStmt,
  Node,
  RangeVar,
  RenameStmt,
} from "libpg-query";
import { asNode, namesIn } from "../../schema/index.js";
import { type ApiRole, apiRoles, type Catalog, type Place, Relation, temporarySchema } from "./catalog.js";
import { readType } from "./column-type.js";
import { optionIsOn } from "./options.js";
import type { LintFile } from "./read-file.js";
import { type LintStatement, placeIn } from "./statement.js";
import { listedNames, nameOfCall, relationsIn, visitNodes } from "./walk-tree.js";

/** Schemas whose tables the API serves; Supabase's default. */
export const exposedSchemas: readonly string[] = ["public"];

/** What decides how a statement changes the catalog. */
export interface EffectContext {
  readonly catalog: Catalog;
  readonly file: LintFile;
  readonly statement: LintStatement;
  /** Whether a new table in an exposed schema is granted to everybody at once. */
  readonly exposesNewTables: boolean;
}

type NodeName = Node extends infer N ? (N extends N ? keyof N : never) : never;
type Fields<K extends NodeName> = Extract<Node, Record<K, unknown>>[K];

/** The place of a statement, or of something in it. */
export function placeOf({ file, statement }: EffectContext, location?: number): Place {
  const line =
    location === undefined ? statement.line : file.lineOf(statement.offset + placeIn(statement, location));
  return { file, statement, line };
}

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
    if (before && replace)
      for (const role of apiRoles) if (!before.exposedTo.has(role)) relation.exposedTo.delete(role);
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

function newRelation(context: EffectContext, name: RangeVar | undefined, kind: Relation["kind"]): Relation {
  const { catalog, file, exposesNewTables } = context;
  const relation = new Relation({
    schema: name?.relpersistence === "t" ? temporarySchema : (name?.schemaname ?? catalog.schema),
    name: name?.relname ?? "",
    kind,
    created: file.linted ? placeOf(context) : undefined,
  });
  if (exposesNewTables && exposedSchemas.includes(relation.schema)) {
    for (const role of apiRoles) relation.exposedTo.add(role);
  }
  return relation;
}

/** `if not exists`, or a second text of the same table: what is there stays. */
function addOnce(catalog: Catalog, relation: Relation): void {
  if (!catalog.named(relation.schema, relation.name)) catalog.add(relation);
}

function createTable(statement: CreateStmt, context: EffectContext): void {
  const { relation: name, tableElts, inhRelations, partbound } = statement;
  if (context.catalog.find(name)) return;
  const relation = newRelation(context, name, "table");
  relation.partition = partbound !== undefined;
  relation.complete = (inhRelations ?? []).length === 0;
  for (const node of inhRelations ?? []) {
    const parent = context.catalog.find(asNode(node, "RangeVar"));
    for (const [column, facts] of parent?.columns ?? [])
      relation.columns.set(column, { ...facts, live: undefined });
  }
  for (const node of tableElts ?? []) {
    const column = asNode(node, "ColumnDef");
    if (column) addColumn(relation, column, context);
    const constraint = asNode(node, "Constraint");
    if (constraint) addConstraint(relation, constraint, undefined, context);
    if (asNode(node, "TableLikeClause")) relation.complete = false;
  }
  context.catalog.add(relation);
}

function addColumn(relation: Relation, column: ColumnDef, context: EffectContext): void {
  const name = column.colname ?? "";
  if (relation.columns.has(name)) return;
  relation.columns.set(name, { name, type: readType(column.typeName), notNull: false, live: undefined });
  for (const node of column.constraints ?? []) {
    const constraint = asNode(node, "Constraint");
    if (constraint) addConstraint(relation, constraint, name, context);
  }
}

function addConstraint(
  relation: Relation,
  constraint: Constraint,
  column: string | undefined,
  context: EffectContext,
): void {
  const own = column === undefined ? [] : [column];
  const at = placeOf(context, constraint.location);
  const keys = column === undefined ? namesIn(constraint.keys) : own;
  const { contype, conname: name } = constraint;
  if (contype === "CONSTR_PRIMARY" || contype === "CONSTR_UNIQUE") {
    // `using index` names one that is known already.
    if (keys.length > 0) relation.indexes.push({ name, columns: keys, unique: true, partial: false, at });
  }
  if (contype === "CONSTR_PRIMARY" || contype === "CONSTR_NOTNULL") {
    for (const key of keys) {
      const found = relation.columns.get(key);
      if (found) found.notNull = true;
    }
  }
  if (contype === "CONSTR_FOREIGN") {
    relation.foreignKeys.push({ columns: column === undefined ? namesIn(constraint.fk_attrs) : own, at });
  }
}

function alterTable({ relation: name, cmds }: AlterTableStmt, context: EffectContext): void {
  const relation = context.catalog.find(name);
  if (!relation) return;
  for (const node of cmds ?? []) {
    const command = asNode(node, "AlterTableCmd");
    if (command) alterOne(relation, command, context);
  }
}

function alterOne(relation: Relation, command: AlterTableCmd, context: EffectContext): void {
  const { subtype, name = "", def } = command;
  const column = relation.columns.get(name);
  switch (subtype) {
    case "AT_AddColumn":
      addColumn(relation, asNode(def, "ColumnDef") ?? {}, context);
      return;
    case "AT_DropColumn":
      if (!context.statement.guarded) dropColumn(relation, name);
      return;
    case "AT_AlterColumnType":
      if (column) column.type = readType(asNode(def, "ColumnDef")?.typeName);
      return;
    case "AT_SetNotNull":
    case "AT_DropNotNull":
      if (column) column.notNull = subtype === "AT_SetNotNull";
      return;
    case "AT_AddConstraint":
      addConstraint(relation, asNode(def, "Constraint") ?? {}, undefined, context);
      return;
    case "AT_EnableRowSecurity":
      relation.rowSecurity = true;
      relation.disabledAt = undefined;
      return;
    case "AT_DisableRowSecurity":
      relation.rowSecurity = false;
      relation.disabledAt = placeOf(context);
      return;
    case "AT_SetRelOptions":
      if (optionIsOn(asNode(def, "List")?.items, "security_invoker")) relation.invoker = true;
      return;
    default:
  }
}

function dropColumn(relation: Relation, name: string): void {
  relation.columns.delete(name);
  const keep = <T extends { readonly columns: readonly (string | undefined)[] }>(list: T[]) => {
    const kept = list.filter(({ columns }) => !columns.includes(name));
    list.splice(0, list.length, ...kept);
  };
  keep(relation.indexes);
  keep(relation.foreignKeys);
}

function rename(statement: RenameStmt, { catalog }: EffectContext): void {
  const { renameType, relation: name, subname = "", newname = "" } = statement;
  const relation = catalog.find(name);
  if (!relation) return;
  if (renameType === "OBJECT_TABLE" || renameType === "OBJECT_VIEW" || renameType === "OBJECT_MATVIEW") {
    catalog.rename(relation, { name: newname });
  }
  if (renameType === "OBJECT_POLICY" && relation.policies.delete(subname)) relation.policies.add(newname);
  if (renameType !== "OBJECT_COLUMN") return;
  const column = relation.columns.get(subname);
  if (!column) return;
  relation.columns.delete(subname);
  relation.columns.set(newname, { ...column, name: newname });
  const change = (each: string) => (each === subname ? newname : each);
  for (const index of relation.indexes) {
    index.columns = index.columns.map((each) => (each === undefined ? each : change(each)));
  }
  for (const key of relation.foreignKeys) key.columns = key.columns.map(change);
}

function drop({ objects, removeType }: DropStmt, { catalog, statement }: EffectContext): void {
  // Whether a block comes to it is not known, and what stays is judged more strictly than what is gone.
  if (statement.guarded) return;
  for (const object of objects ?? []) {
    const names = listedNames(object);
    switch (removeType) {
      case "OBJECT_TABLE":
      case "OBJECT_VIEW":
      case "OBJECT_MATVIEW": {
        const relation = catalog.listed(names);
        if (relation) catalog.remove(relation);
        break;
      }
      case "OBJECT_SCHEMA":
        for (const relation of catalog.relations) if (relation.schema === names[0]) catalog.remove(relation);
        break;
      case "OBJECT_INDEX":
        for (const { indexes } of catalog.relations) {
          const at = indexes.findIndex(({ name }) => name === names.at(-1));
          if (at >= 0) indexes.splice(at, 1);
        }
        break;
      case "OBJECT_POLICY":
        catalog.listed(names.slice(0, -1))?.policies.delete(names.at(-1) ?? "");
        break;
      default:
    }
  }
}

function grant(statement: GrantStmt, { catalog }: EffectContext): void {
  const roles = rolesOf(statement);
  for (const relation of grantedRelations(statement, catalog)) {
    for (const role of roles) {
      if (statement.is_grant) relation.exposedTo.add(role);
      else if (statement.privileges === undefined) relation.exposedTo.delete(role);
    }
  }
}

/** The roles of the API that a grant or its taking back speaks of. */
export function rolesOf({ grantees }: GrantStmt): ApiRole[] {
  const names = (grantees ?? []).map((node) => asNode(node, "RoleSpec"));
  if (names.some((role) => role?.roletype === "ROLESPEC_PUBLIC")) return [...apiRoles];
  return apiRoles.filter((role) => names.some((each) => each?.rolename === role));
}

function grantedRelations({ targtype, objtype, objects }: GrantStmt, catalog: Catalog): Relation[] {
  if (objtype !== "OBJECT_TABLE") return [];
  if (targtype === "ACL_TARGET_ALL_IN_SCHEMA") {
    const schemas = namesIn(objects);
    return catalog.relations.filter(({ schema }) => schemas.includes(schema));
  }
  return (objects ?? []).flatMap((node) => catalog.find(asNode(node, "RangeVar")) ?? []);
}
