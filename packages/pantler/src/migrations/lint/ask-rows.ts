import type { LiveTable, Relation } from "./catalog.js";
import { levelOfBreach, type Report, type RuleContext, reportUnchecked, sampleOf } from "./context.js";
import { type Answer, type FoundRows, isUnanswered } from "./live-data.js";

/** Reports the rows that a statement would break, or that they could not be asked. */
export async function judgeRows(
  rule: Report["rule"],
  relation: Relation,
  live: LiveTable,
  context: RuleContext,
  question: Promise<Answer<FoundRows>> | undefined,
  words: (found: FoundRows) => string,
): Promise<void> {
  const answer = await question;
  if (answer === undefined) return;
  if (isUnanswered(answer)) {
    reportUnchecked(context, `Whether the rows of ${relation.title} allow this`, answer.because);
    return;
  }
  if (answer.count === 0) return;
  const level = levelOfBreach(context, relation);
  const hope = level === "error" ? "" : ", unless something before it mends that";
  context.report({
    rule,
    level,
    message: `${words(answer)}${sampleOf(answer.keys, answer.count, live)}${hope}.`,
  });
}

/** The names that the environment has for columns; undefined when the files add one of them. */
export function liveNames(relation: Relation, columns: readonly string[]): string[] | undefined {
  const names = columns.map((column) => relation.columns.get(column)?.live);
  return names.every((name) => name !== undefined) ? names : undefined;
}

/** Whether the environment has all these columns under the names that the files use for them. */
export function areUnchanged(relation: Relation, columns: readonly string[]): boolean {
  return columns.every((column) => relation.columns.get(column)?.live === column);
}
