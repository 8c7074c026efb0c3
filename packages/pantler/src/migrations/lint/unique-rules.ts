import type { IndexStmt } from "libpg-query";
import { counted } from "../../operation/index.js";
import { quoteIdentifier } from "../../postgres/index.js";
import { asNode } from "../../schema/index.js";
import { areUnchanged, judgeRows, liveNames } from "./ask-rows.js";
import type { Relation } from "./catalog.js";
import { liveTable, type RuleContext } from "./context.js";
import { afterWord, atCommas, indexedExpression, insideParentheses, onLinesOfItsOwn } from "./slice.js";
import { placeIn } from "./statement.js";
import { columnsIn } from "./walk-tree.js";

/**
 * Asks whether rows agree in columns that become unique.
 * @param nullsToo whether two rows without a value agree
 */
export async function unique(
  relation: Relation,
  columns: readonly string[],
  nullsToo: boolean,
  context: RuleContext,
): Promise<void> {
  const names = liveNames(relation, columns);
  if (names && names.length > 0) {
    await duplicates(relation, names.map(quoteIdentifier), "true", nullsToo, columns.join(", "), context);
  }
}

/** Asks the same for a unique index, whose columns may be expressions and which may leave rows out. */
export async function uniqueIndex(statement: IndexStmt, context: RuleContext): Promise<void> {
  const { unique: isUnique, relation: name, indexParams, whereClause, if_not_exists, idxname } = statement;
  const relation = context.catalog.find(name);
  if (!isUnique || !relation || !liveTable(relation, context.data)) return;
  if (if_not_exists && relation.indexes.some((index) => index.name === idxname)) return;
  const elements = (indexParams ?? []).map((node) => asNode(node, "IndexElem") ?? {});
  const used = [
    ...elements.flatMap(({ name: column, expr }) => (column ? [column] : columnsIn(expr, relation.name))),
    ...columnsIn(whereClause, relation.name),
  ];
  if (!areUnchanged(relation, used)) return;
  const { text } = context.statement;
  const list = atCommas(insideParentheses(text, placeIn(context.statement, name?.location)) ?? "");
  const expressions = elements.map(({ name: column }, at) =>
    column ? quoteIdentifier(column) : indexedExpression(list[at] ?? ""),
  );
  if (!expressions.every((each) => each !== undefined)) return;
  const where = whereClause === undefined ? "true" : onLinesOfItsOwn(afterWord(text, "where") ?? "true");
  const words = expressions.map((each, at) => elements[at]?.name ?? each).join(", ");
  await duplicates(relation, expressions, where, statement.nulls_not_distinct ?? false, words, context);
}

async function duplicates(
  relation: Relation,
  expressions: readonly string[],
  where: string,
  nullsToo: boolean,
  words: string,
  context: RuleContext,
): Promise<void> {
  const live = liveTable(relation, context.data);
  if (!live) return;
  const notNulls = nullsToo ? [] : expressions.map((each) => `${onLinesOfItsOwn(each)} is not null`);
  const answer = context.data?.duplicates(live, expressions, [where, ...notNulls].join(" and "));
  await judgeRows("unique-breaks", relation, live, context, answer, (found) => {
    return `${words} shall be unique, and ${counted(found.count, "row")} of ${relation.title} share ${found.count === 1 ? "its" : "their"} value with another`;
  });
}
