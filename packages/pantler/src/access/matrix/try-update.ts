import { sqlName } from "../../copy/index.js";
import { quoteIdentifier, quoteLiteral } from "../../postgres/index.js";
import { completeUpdate } from "./complete-update.js";
import type { ColumnFacts } from "./facts.js";
import type { OwnershipChange, Verdict } from "./matrix.js";
import { behindConstraint, blindOutcome, type Outcome, outcomeOf, trialOf } from "./outcome.js";
import type { OwnerValues } from "./owner-values.js";
import type { Pair } from "./pair.js";
import { summarise } from "./summarise.js";
import type { Assignments, TrialRow, Trials } from "./trial-rows.js";
import { otherValues } from "./values.js";

/** What came of changing rows of one class. */
export interface UpdateTrial {
  readonly verdict: Verdict;
  readonly ownership: OwnershipTrial["changes"];
  /** Why it could not be told whether a row's owner can be changed. */
  readonly ownershipUnclear: string | undefined;
}

/** A column with its place among the relation's. */
interface PlacedColumn {
  readonly column: ColumnFacts;
  readonly at: number;
}

/** What is at hand to change a row with. */
interface Sources {
  readonly pool: Trials["pool"];
  /** Rows of the same class. */
  readonly alike: Trials["pool"];
  /** The columns that could be changed in another row of the class. */
  readonly known: ReadonlySet<string>;
}

/** What was found of a row's owner: what can be done, by which column. */
interface OwnershipTrial {
  readonly changes: readonly (readonly [OwnershipChange, string])[];
  readonly columns: readonly string[];
  /** The columns for which there was no other user to try, or of which it could not be told. */
  readonly untried: readonly string[];
  readonly unclear: string | undefined;
}

/** What was found of the columns of one row. */
interface RowResult {
  readonly outcome: Outcome;
  readonly columns: readonly string[];
  readonly unclear: readonly string[];
  /** Why of one of these it could not be told. */
  readonly unclearWhy?: string | undefined;
}

/** Tries to change each row, every column for itself; the session already is the identity. */
export async function tryUpdate(
  pair: Pair,
  rows: readonly TrialRow[],
  pool: Trials["pool"],
  owners: readonly OwnerValues[],
): Promise<UpdateTrial> {
  const { relation, rights } = pair;
  const isOwner = (name: string) => owners.some(({ column }) => column.column === name);
  const placed = relation.columns.map((column, at) => ({ column, at }));
  const possible = placed.filter(
    ({ column }) =>
      rights.granted.update.includes(column.name) &&
      column.isUpdatable &&
      !column.isGenerated &&
      !column.isAlwaysIdentity,
  );
  const plain = possible.filter(({ column }) => !isOwner(column.name));
  const results: RowResult[] = [];
  const changes: OwnershipTrial["changes"][number][] = [];
  let ownershipUnclear: string | undefined;
  // What rows of the same class hold is likeliest to be allowed: a customer of one's own, not another's.
  const alike = rows.map(({ values }) => values);
  const known = new Set<string>();
  for (const row of rows) {
    const result = await changeColumns(pair, row, plain, { pool, alike, known });
    for (const name of result.columns) known.add(name);
    const ownership = await changeOwner(pair, row, possible, owners, [...alike, ...pool]);
    changes.push(...ownership.changes);
    ownershipUnclear ??= ownership.unclear;
    const isAllowed = ownership.columns.length > 0;
    results.push({
      outcome: isAllowed ? { kind: "allowed" } : result.outcome,
      columns: [...result.columns, ...ownership.columns],
      unclear: [...result.unclear, ...ownership.untried],
      unclearWhy: result.unclearWhy,
    });
  }
  const verdict = summarise(
    pair,
    "update",
    results.map(({ outcome }) => outcome),
  );
  const columns = new Set(results.flatMap((result) => result.columns));
  const unclear = new Set(results.flatMap((result) => result.unclear).filter((name) => !columns.has(name)));
  const names = relation.columns.map(({ name }) => name);
  const byRuling =
    rows.length === 0 && verdict.level === "all" ? possible.map(({ column }) => column.name) : [];
  return {
    verdict: {
      ...verdict,
      columns: [...names.filter((name) => columns.has(name)), ...byRuling],
      unclear: names.filter((name) => unclear.has(name)),
      ...(unclear.size > 0 && verdict.why === undefined ? { why: whyUnclear(results) } : {}),
    },
    ownership: changes,
    ownershipUnclear,
  };
}

function whyUnclear(results: readonly RowResult[]): string | undefined {
  return results.find(({ unclearWhy }) => unclearWhy !== undefined)?.unclearWhy;
}

/**
 * All columns at once, which tells of all where it is allowed, and where the row itself is out of reach. Otherwise each
 * for itself. New values are taken, since a trigger may guard a column against changes alone.
 */
async function changeColumns(
  pair: Pair,
  row: TrialRow,
  columns: readonly PlacedColumn[],
  { pool, alike, known }: Sources,
): Promise<RowResult> {
  const choices = columns.map(({ column, at }) => {
    const own = row.values[at] ?? null;
    const values = otherValues(column, at, own, [...alike, ...pool], pair.relation.literals);
    const isAlike = !column.refers || alike.some((each) => values.includes(each[at] ?? ""));
    return { name: column.name, own, values, isAlike };
  });
  if (choices.length === 0)
    return { outcome: { kind: "refused", why: "no column can be changed" }, columns: [], unclear: [] };
  let isLetIn = false;
  const together: Assignments = choices.flatMap(({ name, values }) =>
    values[0] ? [[name, values[0]] as const] : [],
  );
  if (together.length > 0) {
    const { outcome, kept } = await change(pair, row, together);
    if (outcome.isMissed || outcome.isLocked) return { outcome, columns: [], unclear: [] };
    // Of a view's row nothing tells which of several values a trigger put back.
    const isTelling = row.place !== undefined || !pair.relation.hasBeforeUpdate;
    if (outcome.kind === "allowed" && outcome.isWritten && isTelling) {
      const changed = together.map(([name]) => name).filter((name) => !kept.includes(name));
      const rest = choices
        .filter(({ name }) => !together.some(([known]) => known === name))
        .map(({ name }) => name);
      return resultOf(changed, rest, undefined);
    }
    isLetIn = outcome.kind === "allowed";
  }
  const allowed: string[] = [];
  const unclear: string[] = [];
  // Where the row itself is within reach, what is known of its like need not be tried again.
  const sure = choices.find(({ name }) => known.has(name));
  if (!isLetIn && sure) {
    isLetIn = (await changeOne(pair, row, sure.name, sure.values, sure.own)).kind === "allowed";
  }
  const open = choices.filter(({ name }) => !isLetIn || !known.has(name));
  if (open.length === 0) return { outcome: { kind: "allowed" }, columns: [], unclear };
  let last: Outcome | undefined;
  const inPolicies = columnsInPolicies(pair);
  for (const { name, own, values, isAlike } of open) {
    const tried = await changeOne(pair, row, name, values, own);
    if (tried.isMissed) return { outcome: tried, columns: [], unclear: [] };
    const isDoubtful = tried.kind === "refused" && !isAlike && inPolicies.has(name);
    const isBehindView = pair.relation.kind === "view" && tried.isReached === true;
    const found = isDoubtful ? foreignValues : isBehindView ? valuesBehindView : tried;
    if (found.kind === "allowed") allowed.push(name);
    if (found.kind === "unclear") unclear.push(name);
    if (found.kind !== "allowed") last = found.kind === "unclear" ? found : (last ?? found);
  }
  const result: RowResult = isLetIn
    ? { outcome: { kind: "allowed" }, columns: allowed, unclear }
    : resultOf(allowed, unclear, last);
  return { ...result, unclearWhy: unclear.length > 0 ? last?.why : undefined };
}

/** A policy looks at what the value refers to, and none of another row of the class was there to be tried. */
const foreignValues: Outcome = { kind: "unclear", why: "there was no value of such a row to try" };

/** What a table's policies ask of a value is not known of the view. */
const valuesBehindView: Outcome = {
  kind: "unclear",
  why: "the policies of a table that it reads refuse the values that were tried",
};

/** The columns that the policies for updates read. */
function columnsInPolicies({ rights }: Pair): Set<string> {
  const deciding = rights.policies.filter(({ command }) => command === "update" || command === "all");
  return new Set(deciding.flatMap(({ reads }) => reads));
}

function resultOf(
  columns: readonly string[],
  unclear: readonly string[],
  last: Outcome | undefined,
): RowResult {
  if (columns.length > 0) return { outcome: { kind: "allowed" }, columns, unclear };
  const outcome = last ?? { kind: "refused", why: "every value was put back" };
  return { outcome, columns, unclear };
}

/** @param own what the column holds, to be tried where no other value was one for its type */
async function changeOne(
  pair: Pair,
  row: TrialRow,
  name: string,
  values: readonly string[],
  own: string | null = null,
): Promise<Outcome> {
  let found: Outcome = {
    kind: "unclear",
    why: "there is no other value to try",
    isBadValue: true,
  };
  for (const value of values) {
    const { outcome, kept } = await change(pair, row, [[name, value]]);
    found = kept.includes(name) ? putBack : outcome;
    if (found.kind === "allowed" || outcome.isMissed) return found;
  }
  return found.isBadValue && own !== null ? (await change(pair, row, [[name, own]])).outcome : found;
}

/** Makes one's own row another's, and another's or nobody's one's own. */
async function changeOwner(
  pair: Pair,
  row: TrialRow,
  possible: readonly PlacedColumn[],
  owners: readonly OwnerValues[],
  pool: Trials["pool"],
): Promise<OwnershipTrial> {
  const changes: OwnershipTrial["changes"][number][] = [];
  const columns: string[] = [];
  const untried: string[] = [];
  let unclear: string | undefined;
  for (const { column, self, others } of owners) {
    const placed = possible.find((each) => each.column.name === column.column);
    if (!placed) continue;
    const own = row.values[placed.at] ?? null;
    const another = others.find((value) => value !== own);
    const nobody = column.notNull ? undefined : null;
    const tries: (readonly [OwnershipChange | undefined, string | null | undefined])[] =
      row.class === "own"
        ? [
            ["gives away", another],
            [undefined, nobody],
          ]
        : [
            [row.class === "others" ? "steals" : "claims", self],
            [undefined, another],
            [undefined, nobody],
          ];
    const possibleTries = tries.filter(([, value]) => value !== undefined && value !== own);
    if (possibleTries.length === 0) untried.push(column.column);
    for (const [name, value] of possibleTries) {
      if (value === undefined) continue;
      const outcome = await assignOwner(
        pair,
        row,
        column.column,
        value,
        name === undefined && columns.length > 0 ? [] : pool,
      );
      if (outcome.kind === "unclear") {
        unclear ??= outcome.why;
        untried.push(column.column);
      }
      if (outcome.kind !== "allowed") continue;
      columns.push(column.column);
      if (name) changes.push([name, column.column]);
    }
  }
  return { changes, columns: [...new Set(columns)], untried, unclear };
}

/** Gives a row another owner: by that alone, or with another value in a column that policies look at, such as a status. */
async function assignOwner(
  pair: Pair,
  row: TrialRow,
  owner: string,
  value: string | null,
  pool: Trials["pool"],
): Promise<Outcome> {
  const alone = await change(pair, row, [[owner, value]]);
  if (alone.kept.includes(owner)) return putBack;
  const { outcome } = alone;
  if (value === null && outcome.emptyColumn === owner) {
    return { kind: "refused", why: `${owner} may not be empty` };
  }
  if (!outcome.isReached) return outcome;
  const { relation, rights } = pair;
  const read = columnsInPolicies(pair);
  for (const [at, column] of relation.columns.entries()) {
    if (column.name === owner || !read.has(column.name) || !rights.granted.update.includes(column.name))
      continue;
    for (const other of otherValues(column, at, row.values[at] ?? null, pool, relation.literals)) {
      const both = await change(pair, row, [
        [owner, value],
        [column.name, other],
      ]);
      if (both.outcome.kind === "allowed" && !both.kept.includes(owner)) return both.outcome;
    }
  }
  return outcome;
}

const putBack: Outcome = { kind: "refused", why: "the value is put back" };

interface Changed {
  readonly outcome: Outcome;
  /** The columns in which a trigger put the old value back. */
  readonly kept: readonly string[];
}

async function change(pair: Pair, row: TrialRow, assignments: Assignments): Promise<Changed> {
  const { session, relation } = pair;
  const { condition, parameters } = row;
  // As literals, a value that is none for its type is refused before anything runs, and not as if on the way.
  const set = assignments.map(
    ([name, value]) => `${quoteIdentifier(name)} = ${value === null ? "null" : quoteLiteral(value)}`,
  );
  const statement = `update ${sqlName(relation)} set ${set.join(", ")} where ${condition}`;
  const tried = outcomeOf(await session.attempt(trialOf(statement), parameters));
  const outcome = behindConstraint(tried, relation.hasCheckOption);
  if (row.isUnseen && outcome.kind === "refused") {
    const blind = `update ${sqlName(relation)} set ${set.join(", ")}`;
    return { outcome: blindOutcome(outcome, outcomeOf(await session.attempt(trialOf(blind)))), kept: [] };
  }
  if (outcome.kind !== "allowed" || !outcome.isWritten) return { outcome, kept: [] };
  const completed = await completeUpdate(pair, row, statement, assignments);
  if (!completed) return { outcome, kept: [] };
  return { outcome: { ...completed.outcome, isWritten: completed.isWritten }, kept: completed.kept };
}
