import type { AlterTableCmd, DropStmt, RangeVar } from "libpg-query";
import { counted } from "../../operation/index.js";
import { quoteIdentifier } from "../../postgres/index.js";
import { asNode } from "../../schema/index.js";
import type { Relation } from "./catalog.js";
import { isText, keepsEveryValue, readType, typeInWords } from "./column-type.js";
import {
  countOf,
  isOlder,
  levelOfBreach,
  liveTable,
  type RuleContext,
  reportUnchecked,
  sampleOf,
} from "./context.js";
import { isUnanswered } from "./live-data.js";
import type { RuleSet } from "./rule-set.js";
import { afterWord, betweenWordAndComma, onLinesOfItsOwn } from "./slice.js";
import { placeIn } from "./statement.js";
import { columnsIn, listedNames } from "./walk-tree.js";

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
  unprovable(context, `Dropping ${title}`);
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
  unprovable(context, `${what} of ${titleOf(name)}`);
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
  unprovable(context, `Dropping ${title}.${name}`);
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

async function changeType(relation: Relation, command: AlterTableCmd, context: RuleContext): Promise<void> {
  const { name = "", def } = command;
  const definition = asNode(def, "ColumnDef");
  const column = relation.columns.get(name);
  const to = readType(definition?.typeName);
  const from = column?.type;
  if (!isOlder(relation) || !to || !from || !column) return;
  const own = (definition?.raw_default && columnsIn(definition.raw_default, relation.name)) || [name];
  const text = context.statement.text;
  const using = definition?.raw_default
    ? betweenWordAndComma(text, placeIn(context.statement, definition.location), "using")
    : undefined;
  if (using === undefined && keepsEveryValue(from, to)) return;
  const change = `${relation.title}.${name} changes from ${typeInWords(from)} to ${typeInWords(to)}`;
  const live = liveTable(relation, context.data);
  const renamed = own.some((each) => relation.columns.get(each)?.live !== each);
  if (!live || renamed || !context.data) {
    context.report({
      rule: "type-change-loses-data",
      level: "warning",
      message: `${change}, in which not every value may fit.`,
    });
    return;
  }
  const quoted = quoteIdentifier(name);
  const type = textOfType(text, placeIn(context.statement, definition?.typeName?.location));
  const old = await context.data.typeOf(live, name);
  const value = onLinesOfItsOwn(using ?? quoted);
  // There and back: what is not the same text afterwards was cut, rounded or spelled differently.
  const condition = `(${value}::${type})::${old ?? "text"}::text is distinct from ${quoted}::text`;
  const answer = await context.data.rowsWhere(live, condition);
  if (isUnanswered(answer)) {
    if (answer.fails) {
      const message = `${change}, and a value does not go into it: ${answer.because}.`;
      context.report({ rule: "type-change-loses-data", level: levelOfBreach(context, relation), message });
    } else reportUnchecked(context, `Whether every value survives when ${change}`, answer.because);
    return;
  }
  if (answer.count === 0) return;
  unprovable(context, `Changing the type of ${relation.title}.${name}`);
  context.report({
    rule: "type-change-loses-data",
    // As another type free text may lose no more than its spelling; whoever writes `using` has thought of something.
    level:
      (isText(from) && !isText(to)) || using !== undefined ? "warning" : levelOfBreach(context, relation),
    message: `${change}, and ${counted(answer.count, "value")} would not be the same afterwards${sampleOf(answer.keys, answer.count, live)}.`,
  });
}

/** The type as the statement writes it: up to `using`, `collate` or the end of the subcommand. */
function textOfType(text: string, from: number): string {
  const upToComma = betweenWordAndComma(`as ${text.slice(from)}`, 0, "as") ?? "";
  const shorter = ["using", "collate"].flatMap((word) => {
    const after = afterWord(upToComma, word);
    return after === undefined ? [] : [upToComma.length - after.length - word.length];
  });
  return upToComma.slice(0, Math.min(upToComma.length, ...shorter)).trim();
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

/** Where the rows are not there again after the rollback, whatever its script says. */
function unprovable(context: RuleContext, what: string): void {
  if (!context.file.migration.rollback.exists) return;
  context.report({
    rule: "rollback-unprovable",
    message: `${what} takes data that the rollback script cannot bring back.`,
  });
}
