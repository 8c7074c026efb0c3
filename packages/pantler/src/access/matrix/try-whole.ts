import { sqlName } from "../../copy/index.js";
import { quoteIdentifier } from "../../postgres/index.js";
import type { RowGroup } from "./census.js";
import type { RowClass, Verdict } from "./matrix.js";
import { outcomeOf, trialOf } from "./outcome.js";
import type { Pair } from "./pair.js";
import type { Trials } from "./trial-rows.js";

/**
 * Tells whether a command reaches no row of a table at all, by trying it on all of them: it ends at the first that is
 * within reach, and nothing of it stays. Whatever else it comes to, single rows have to tell. The session already is the
 * identity.
 * @returns the verdict on every class that has rows; undefined where some row may be within reach
 */
export async function tryWhole(pair: Pair, command: "update" | "delete"): Promise<Verdict | undefined> {
  const { session, relation, rights } = pair;
  if (relation.kind === "view") return undefined;
  const column = relation.columns.find(
    ({ name, isGenerated, isAlwaysIdentity }) =>
      !isGenerated && !isAlwaysIdentity && rights.granted.update.includes(name),
  );
  if (command === "update" && column === undefined) return undefined;
  const statement =
    command === "delete"
      ? `delete from ${sqlName(relation)}`
      : `update ${sqlName(relation)} set ${quoteIdentifier(column?.name ?? "")} = null`;
  const { isMissed } = outcomeOf(await session.attempt(trialOf(statement)));
  return isMissed ? { level: "none", why: "no row is within reach" } : undefined;
}

/** Bits of a group's hints. */
const bits = { update: 1, delete: 2 } as const;

/**
 * Says of a class whose rows were all refused that a policy seems to allow more of them than were tried.
 * @returns undefined where the rows that were tried stand for all
 */
export function doubtOf(
  command: "update" | "delete",
  rowClass: RowClass,
  verdict: Verdict,
  groups: readonly RowGroup[],
  { rows }: Trials,
): string | undefined {
  const tried = rows.filter((row) => row.class === rowClass).length;
  const hinted = groups.filter((group) => group.class === rowClass && (group.hints & bits[command]) !== 0);
  const count = hinted.reduce((sum, group) => sum + group.count, 0);
  const isConclusive = verdict.level !== "none" || verdict.of === undefined;
  if (isConclusive || count <= tried) return undefined;
  return `${command} was refused on ${tried} of ${count} rows that a policy seems to allow (${rowClass})`;
}
