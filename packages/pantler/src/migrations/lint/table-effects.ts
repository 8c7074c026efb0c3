import type { AlterTableCmd, AlterTableStmt, ColumnDef, Constraint, CreateStmt } from "libpg-query";
import { asNode, namesIn } from "../../schema/index.js";
import type { Relation } from "./catalog.js";
import { readType } from "./column-type.js";
import { type EffectContext, newRelation, placeOf } from "./effect-context.js";
import { optionIsOn } from "./options.js";

/** Adds a new table with its columns, keys and indexes. */
export function createTable(statement: CreateStmt, context: EffectContext): void {
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

/** Changes a table as its subcommands say, in their order. */
export function alterTable({ relation: name, cmds }: AlterTableStmt, context: EffectContext): void {
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
