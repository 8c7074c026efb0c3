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
 * @returns whether a row is within reach; undefined where that could not be told
 */
export async function reachesAny(pair: Pair, command: "update" | "delete"): Promise<boolean | undefined> {
  const { session, relation, rights } = pair;
  if (relation.kind === "view") return undefined;
  const read = new Set(rights.policies.flatMap(({ reads }) => reads));
  const column = relation.columns
    .filter(
      ({ name, isGenerated, isAlwaysIdentity }) =>
        !isGenerated && !isAlwaysIdentity && rights.granted.update.includes(name),
    )
    // What no policy reads, no policy refuses for its new value.
    .sort((left, right) => Number(read.has(left.name)) - Number(read.has(right.name)))[0];
  if (command === "update" && column === undefined) return undefined;
  const statement =
    command === "delete"
      ? `delete from ${sqlName(relation)}`
      : `update ${sqlName(relation)} set ${quoteIdentifier(column?.name ?? "")} = null`;
  const { kind, isMissed } = outcomeOf(await session.attempt(trialOf(statement)));
  if (isMissed) return false;
  return kind === "allowed" ? true : undefined;
}

/** The verdict on every class that has rows, where none is within reach. */
export const outOfReach: Verdict = { level: "none", why: "no row is within reach" };

/** Bits of a group's hints. */
const bits = { update: 1, delete: 2 } as const;

/**
 * Goes over what was found of a command. A class whose rows were all refused is refused where the rows that were tried
 * stand for all: where a policy seems to allow more of them than were tried, or where policies turned out otherwise than
 * the session's own role works them out, that is said, or the class is undecided.
 * @param isReached whether some row of the table is within reach
 * @returns what there is to be said
 */
export function reconsider(
  command: "update" | "delete",
  verdicts: Partial<Record<RowClass, Verdict>>,
  groups: readonly RowGroup[],
  { rows }: Trials,
  isReached: boolean | undefined,
): string[] {
  const isAllowed = ({ level }: Verdict) => level === "all" || level === "some";
  const counted = (rowClass: RowClass, onlyHinted: boolean) =>
    groups
      .filter((group) => group.class === rowClass && (!onlyHinted || (group.hints & bits[command]) !== 0))
      .reduce((sum, { count }) => sum + count, 0);
  const found = Object.entries(verdicts) as [RowClass, Verdict][];
  const isSurprising =
    found.some(([rowClass, verdict]) => isAllowed(verdict) && counted(rowClass, true) === 0) ||
    (isReached === true && !found.some(([, verdict]) => isAllowed(verdict)));
  return found.flatMap(([rowClass, verdict]) => {
    const tried = rows.filter((row) => row.class === rowClass).length;
    const of = counted(rowClass, false);
    const hinted = counted(rowClass, true);
    if (verdict.level !== "none" || verdict.of === undefined || of <= tried) return [];
    if (isSurprising) {
      const why = `${tried} of ${of} rows were refused, and the policies cannot be worked out to say of which others they would not be`;
      verdicts[rowClass] = { level: "undecided", why };
      return [];
    }
    return hinted > tried
      ? [`${command} was refused on ${tried} of ${hinted} rows that a policy seems to allow (${rowClass})`]
      : [];
  });
}
