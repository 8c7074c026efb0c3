import type { AlterTableCmd } from "libpg-query";
import { counted } from "../../operation/index.js";
import { quoteIdentifier } from "../../postgres/index.js";
import { asNode } from "../../schema/index.js";
import type { Relation } from "./catalog.js";
import { isText, keepsEveryValue, readType, typeInWords } from "./column-type.js";
import {
  isOlder,
  levelOfBreach,
  liveTable,
  type RuleContext,
  reportUnchecked,
  reportUnprovable,
  sampleOf,
} from "./context.js";
import { isUnanswered } from "./live-data.js";
import { afterWord, betweenWordAndComma, onLinesOfItsOwn } from "./slice.js";
import { placeIn } from "./statement.js";
import { columnsIn } from "./walk-tree.js";

/** Asks whether a column's values survive its new type. */
export async function changeType(
  relation: Relation,
  command: AlterTableCmd,
  context: RuleContext,
): Promise<void> {
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
  reportUnprovable(context, `Changing the type of ${relation.title}.${name}`);
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
