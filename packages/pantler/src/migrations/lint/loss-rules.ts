import type { AlterTableCmd, DropStmt, RangeVar } from "libpg-query";
import { counted } from "../../operation/index.js";
import { quoteIdentifier } from "../../postgres/index.js";
import { asNode } from "../../schema/index.js";
import type { Relation } from "./catalog.js";
import {
  countOf,
  isOlder,
  liveTable,
  type RuleContext,
  reportUnchecked,
  reportUnprovable,
} from "./context.js";
import { isUnanswered } from "./live-data.js";
import type { RuleSet } from "./rule-set.js";
import { changeType } from "./type-rules.js";
import { listedNames } from "./walk-tree.js";

/** What takes data away. */
export const lossRules: RuleSet = {
  DropStmt: async (statement, context) => {
    if (statement.removeType === "OBJECT_TABLE") await dropTables(statement, context);
    if (statement.removeType === "OBJECT_SCHEMA") await dropSchemas(statement, context);
    cascade(statement, context);
  },
  AlterTableStmt: async ({ relation: name, cmds }, context) => {
    const relation = context.catalog.find(name);
    for (const node of cmds ?? []) {
      const command = asNode(node, "AlterTableCmd");
      if (command?.subtype === "AT_DropColumn") await dropColumn(titleOf(name), relation, command, context);
      if (command?.subtype === "AT_AlterColumnType" && relation) await changeType(relation, command, context);
    }
  },
  TruncateStmt: async ({ relations }, context) => {
    for (const node of relations ?? []) await empties(asNode(node, "RangeVar"), "Truncate", context);
  },
  DeleteStmt: async ({ relation, whereClause, usingClause }, context) => {
    if (!whereClause && !usingClause) await empties(relation, "Delete without where", context);
  },
};

function titleOf(name: RangeVar | undefined): string {
  return [name?.schemaname, name?.relname].filter(Boolean).join(".");
}

async function dropTables({ objects }: DropStmt, context: RuleContext): Promise<void> {
  for (const object of objects ?? []) {
    const names = listedNames(object);
    const relation = context.catalog.listed(names);
    if (relation || context.data === undefined) await lose(names.join("."), relation, context);
  }
}

async function dropSchemas({ objects }: DropStmt, context: RuleContext): Promise<void> {
  for (const object of objects ?? []) {
    const [schema = ""] = listedNames(object);
    const inside = context.catalog.relations.filter(
      (each) => each.schema === schema && each.kind === "table",
    );
    for (const relation of inside) await lose(relation.title, relation, context);
  }
}

async function lose(title: string, relation: Relation | undefined, context: RuleContext): Promise<void> {
  if (!isOlder(relation)) return;
  reportUnprovable(context, `Dropping ${title}`);
  const rows = await rowsOf(relation, context);
  if (rows === 0) return;
  const held = rows === undefined ? "may hold rows" : `holds ${counted(rows, "row")}`;
  context.report({
    rule: "drop-loses-data",
    level: rows === undefined || context.statement.guarded ? "warning" : "error",
    message: `${title} is dropped and ${held}.`,
  });
}

async function empties(name: RangeVar | undefined, what: string, context: RuleContext): Promise<void> {
  const relation = context.catalog.find(name);
  if (!isOlder(relation)) return;
  reportUnprovable(context, `${what} of ${titleOf(name)}`);
  const rows = await rowsOf(relation, context);
  if (rows === 0) return;
  const held = rows === undefined ? "may hold rows" : `holds ${counted(rows, "row")}`;
  context.report({
    rule: "empties-table",
    level: rows === undefined || context.statement.guarded ? "warning" : "error",
    message: `${what}: ${titleOf(name)} ${held}, and none is left.`,
  });
}

async function rowsOf(relation: Relation | undefined, context: RuleContext): Promise<number | undefined> {
  const live = liveTable(relation, context.data);
  return live && (await countOf(context, live));
}

async function dropColumn(
  title: string,
  relation: Relation | undefined,
  { name = "", missing_ok }: AlterTableCmd,
  context: RuleContext,
): Promise<void> {
  const column = relation?.columns.get(name);
  if (!isOlder(relation) || (relation?.complete && !column)) return;
  const live = liveTable(relation, context.data);
  if (live && column?.live === undefined) return;
  if (!live && context.data && missing_ok) return;
  reportUnprovable(context, `Dropping ${title}.${name}`);
  const answer =
    live && column?.live !== undefined
      ? await context.data?.rowsWhere(live, `${quoteIdentifier(column.live)} is not null`)
      : undefined;
  if (answer && isUnanswered(answer)) {
    reportUnchecked(context, `Whether ${title}.${name} holds values`, answer.because);
    return;
  }
  if (answer?.count === 0) return;
  const held = answer ? `holds ${counted(answer.count, "value")}` : "may hold values";
  context.report({
    rule: "drop-loses-data",
    level: answer && !context.statement.guarded ? "error" : "warning",
    message: `The column ${title}.${name} is dropped and ${held}.`,
  });
}

function cascade({ behavior, objects, removeType }: DropStmt, context: RuleContext): void {
  if (behavior !== "DROP_CASCADE") return;
  const kinds = ["OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW"];
  const names = (objects ?? []).map((object) => listedNames(object));
  const older = names.filter(
    (name) => !kinds.includes(removeType ?? "") || isOlder(context.catalog.listed(name)),
  );
  if (older.length === 0) return;
  const titles = older.map((name) => name.join(".")).filter((title) => title !== "");
  context.report({
    rule: "drop-cascade",
    message: `${titles.join(", ") || "It"} is dropped with all that depends on it, whatever that is.`,
  });
}
