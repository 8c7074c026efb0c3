import type { AlterTableCmd, ColumnDef, Constraint } from "libpg-query";
import { counted } from "../../operation/index.js";
import { quoteIdentifier, quoteQualified } from "../../postgres/index.js";
import { asNode, namesIn } from "../../schema/index.js";
import { areUnchanged, judgeRows, liveNames } from "./ask-rows.js";
import type { Relation } from "./catalog.js";
import { countOf, isOlder, levelOfBreach, liveTable, type RuleContext } from "./context.js";
import type { RuleSet } from "./rule-set.js";
import { insideParentheses, onLinesOfItsOwn } from "./slice.js";
import { placeIn } from "./statement.js";
import { unique, uniqueIndex } from "./unique-rules.js";
import { columnsIn } from "./walk-tree.js";

/** What the rows that are there already would break. */
export const breachRules: RuleSet = {
  AlterTableStmt: async ({ relation: name, cmds }, context) => {
    const relation = context.catalog.find(name);
    if (!relation) return;
    for (const node of cmds ?? []) {
      const command = asNode(node, "AlterTableCmd");
      if (command) await judgeCommand(relation, command, context);
    }
  },
  IndexStmt: async (statement, context) => await uniqueIndex(statement, context),
};

async function judgeCommand(relation: Relation, command: AlterTableCmd, context: RuleContext): Promise<void> {
  const { subtype, name = "", def } = command;
  if (subtype === "AT_SetNotNull")
    await notNull(relation, [name], `${relation.title}.${name} becomes not null`, context);
  if (subtype === "AT_AddColumn") await addColumn(relation, command, asNode(def, "ColumnDef") ?? {}, context);
  if (subtype === "AT_AddConstraint") await addConstraint(relation, asNode(def, "Constraint") ?? {}, context);
  if (subtype === "AT_ValidateConstraint")
    await context.memory.unvalidated.get(`${relation.title} ${name}`)?.();
}

async function notNull(
  relation: Relation,
  columns: readonly string[],
  what: string,
  context: RuleContext,
): Promise<void> {
  const live = liveTable(relation, context.data);
  const names = liveNames(relation, columns);
  if (!live || !names || names.length === 0) return;
  const condition = names.map((column) => `${quoteIdentifier(column)} is null`).join(" or ");
  await judgeRows(
    "not-null-breaks",
    relation,
    live,
    context,
    context.data?.rowsWhere(live, condition),
    (found) => {
      const has = found.count === 1 ? "has" : "have";
      return `${what}, and ${counted(found.count, "row")} of ${relation.title} ${has} no value there`;
    },
  );
}

async function addColumn(
  relation: Relation,
  { missing_ok }: AlterTableCmd,
  column: ColumnDef,
  context: RuleContext,
): Promise<void> {
  const { colname = "", constraints = [], typeName } = column;
  if (missing_ok && relation.columns.has(colname)) return;
  const kinds = constraints.map((node) => asNode(node, "Constraint")?.contype);
  const isNotNull = kinds.includes("CONSTR_NOTNULL") || kinds.includes("CONSTR_PRIMARY");
  const filled =
    kinds.some(
      (kind) => kind === "CONSTR_DEFAULT" || kind === "CONSTR_GENERATED" || kind === "CONSTR_IDENTITY",
    ) || /serial/.test(namesIn(typeName?.names).at(-1) ?? "");
  if (!isNotNull || filled || !isOlder(relation)) return;
  const live = liveTable(relation, context.data);
  const rows = live && (await countOf(context, live));
  if (rows === 0) return;
  const what = `${relation.title}.${colname} is added as not null without a default`;
  context.report({
    rule: "not-null-breaks",
    level: rows === undefined ? "warning" : levelOfBreach(context, relation),
    message:
      rows === undefined
        ? `${what}, which fails if the table has rows.`
        : `${what}, and the table has ${counted(rows, "row")}.`,
    remedy: "Give it a default; or add it without not null, fill it, and set not null then.",
  });
}

async function addConstraint(
  relation: Relation,
  constraint: Constraint,
  context: RuleContext,
): Promise<void> {
  const { contype, conname = "", skip_validation } = constraint;
  const keys = namesIn(constraint.keys);
  if (contype === "CONSTR_PRIMARY") {
    await notNull(relation, keys, `${keys.join(", ")} becomes the primary key`, context);
  }
  if (contype === "CONSTR_PRIMARY" || contype === "CONSTR_UNIQUE") {
    await unique(relation, keys, constraint.nulls_not_distinct ?? false, context);
  }
  const question =
    contype === "CONSTR_CHECK"
      ? () => check(relation, constraint, context)
      : contype === "CONSTR_FOREIGN"
        ? () => foreignKey(relation, constraint, context)
        : undefined;
  if (!question) return;
  if (skip_validation) context.memory.unvalidated.set(`${relation.title} ${conname}`, question);
  else await question();
}

async function check(relation: Relation, constraint: Constraint, context: RuleContext): Promise<void> {
  const live = liveTable(relation, context.data);
  const names = columnsIn(constraint.raw_expr, relation.name);
  const { statement } = context;
  const expression = insideParentheses(statement.text, placeIn(statement, constraint.location));
  if (!live || expression === undefined || !areUnchanged(relation, names)) return;
  const condition = `not ${onLinesOfItsOwn(expression)}`;
  const title = constraint.conname ? `The check ${constraint.conname}` : `A check of ${names.join(", ")}`;
  await judgeRows(
    "check-breaks",
    relation,
    live,
    context,
    context.data?.rowsWhere(live, condition),
    (found) => {
      const does = found.count === 1 ? "does" : "do";
      return `${title} is added, and ${counted(found.count, "row")} of ${relation.title} ${does} not fulfil it`;
    },
  );
}

async function foreignKey(relation: Relation, constraint: Constraint, context: RuleContext): Promise<void> {
  const referenced = context.catalog.find(constraint.pktable);
  const live = liveTable(relation, context.data);
  const target = liveTable(referenced, context.data);
  const columns = liveNames(relation, namesIn(constraint.fk_attrs));
  if (!live || !target || !referenced || !columns) return;
  const named = liveNames(referenced, namesIn(constraint.pk_attrs));
  const keys = named && named.length > 0 ? named : target.key;
  if (keys.length !== columns.length) return;
  const own = quoteQualified(live.schema, live.name);
  const given = columns.map((column) => `${own}.${quoteIdentifier(column)}`);
  const same = keys.map((key, at) => `pantler_target.${quoteIdentifier(key)} = ${given[at]}`);
  const condition = `${given.map((column) => `${column} is not null`).join(" and ")} and not exists (
    select from ${quoteQualified(target.schema, target.name)} as pantler_target where ${same.join(" and ")}
  )`;
  await judgeRows(
    "foreign-key-breaks",
    relation,
    live,
    context,
    context.data?.rowsWhere(live, condition),
    (found) => {
      const point = found.count === 1 ? "points" : "point";
      return `A foreign key to ${referenced.title} is added, and ${counted(found.count, "row")} of ${relation.title} ${point} to nothing there`;
    },
  );
}
