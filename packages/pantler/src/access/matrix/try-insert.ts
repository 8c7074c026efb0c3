import type { ColumnFacts } from "./facts.js";
import { insertStatement, keepsOwner, type Row } from "./insert-statement.js";
import type { RowClass, Verdict } from "./matrix.js";
import { behindConstraint, type Outcome, outcomeOf, trialOf } from "./outcome.js";
import type { OwnerValues } from "./owner-values.js";
import type { Pair } from "./pair.js";
import { rulingOf } from "./rights.js";
import { summarise } from "./summarise.js";
import type { TrialRow, Trials } from "./trial-rows.js";
import { otherValues } from "./values.js";

/** At most so many rows are made up for one class. */
const mostRows = 24;

/**
 * Tries to put in rows of a class: copies of rows that are there, keys included, so that a unique index stops what row
 * security lets through. The session already is the identity.
 */
export async function tryInsert(
  pair: Pair,
  rowClass: RowClass,
  trials: Trials,
  owners: readonly OwnerValues[],
): Promise<Verdict> {
  const { relation, rights } = pair;
  const ungranted = relation.columns.filter(({ name }) => !rights.granted.insert.includes(name));
  const number = ungranted.find(({ takesNumber }) => takesNumber);
  if (number) {
    const why = `it may not give ${number.name}, whose number would be taken from a sequence`;
    return { level: "undecided", why };
  }
  const ungiven = withoutOwner(pair, rowClass);
  if (ungiven) return ungiven;
  const rows = rowsOf(pair, rowClass, trials, owners);
  if (rows.length === 0) return summarise(pair, "insert", []);
  const outcomes: Outcome[] = [];
  for (const values of rows) {
    for (const withDefaults of [false, true]) {
      if (withDefaults && !relation.columns.some((column) => isDefaulted(pair, column))) continue;
      const outcome = await insertOne(pair, values, withDefaults);
      const { emptyColumn } = outcome;
      if (outcome.kind !== "allowed") outcomes.push(outcome);
      else if (emptyColumn !== undefined && rowClass === "nobodys") {
        const isOwner = owners.some(({ column }) => column.column === emptyColumn);
        outcomes.push({ kind: isOwner ? "refused" : "unclear", why: `${emptyColumn} may not be empty` });
      } else if (relation.kind === "view" && relation.hasBeforeInsert && rowClass !== "rows") {
        outcomes.push({ kind: "unclear", why: "a trigger of the table may put another owner in" });
      } else if (await keepsOwner(pair, rowClass, values)) return { level: "all" };
      else outcomes.push({ kind: "refused", why: "a trigger puts another owner in" });
    }
  }
  const told = summarise(pair, "insert", outcomes);
  const verdict =
    told.level === "none" ? { ...told, why: `${outcomes.length} rows were refused: ${told.why}` } : told;
  // A row of nothing but an owner may be refused for what it lacks.
  const isMadeUp = trials.pool.length === 0;
  if (!isMadeUp || verdict.level !== "none") return verdict;
  return rulingOf(relation, rights, "insert") ?? { level: "no rows" };
}

/** Without the right to give the column that names the owner it is up to a default or a trigger whose the row is. */
function withoutOwner({ relation, rights, ownerColumns }: Pair, rowClass: RowClass): Verdict | undefined {
  if (rowClass === "rows") return undefined;
  const ungiven = ownerColumns.find(({ column }) => !rights.granted.insert.includes(column));
  if (!ungiven && ownerColumns.length === 0 && rowClass !== "nobodys") {
    const way = relation.columns.find(({ name, refers }) => refers && !rights.granted.insert.includes(name));
    return way && { level: "undecided", why: `it may not give ${way.name}` };
  }
  if (!ungiven) return undefined;
  const why = `it may not give ${ungiven.column}`;
  if (relation.kind === "view") return { level: "undecided", why: `${why}, which the table may fill` };
  if (relation.hasBeforeInsert) return undefined;
  const isFilled = relation.columns.find(({ name }) => name === ungiven.column)?.hasDefault === true;
  return rowClass === (isFilled ? "own" : "nobodys") ? undefined : { level: "none", why };
}

async function insertOne(pair: Pair, values: Row, withDefaults: boolean): Promise<Outcome> {
  const statement = insertStatement(pair, values, (column) => withDefaults && isDefaulted(pair, column));
  const outcome = outcomeOf(await pair.session.attempt(trialOf(statement)));
  return behindConstraint(outcome, pair.relation.hasCheckOption);
}

/** Columns that an application leaves to their defaults; keys keep their values, since those stop the row in the end. */
function isDefaulted({ ownerColumns }: Pair, column: ColumnFacts): boolean {
  const isOwner = ownerColumns.some((owner) => owner.column === column.name);
  return column.hasDefault && !column.takesNumber && !column.isInKey && !isOwner;
}

/** Copies of rows of the class; of other rows, with the owner that the class means; and their like. */
function rowsOf(
  pair: Pair,
  rowClass: RowClass,
  { rows, pool }: Trials,
  owners: readonly OwnerValues[],
): Row[] {
  const { relation } = pair;
  const copies = rows.filter((row: TrialRow) => row.class === rowClass).map(({ values }) => values);
  const made = rowClass === "rows" ? [] : named(pair, rowClass, pool.slice(0, 8), owners);
  const empty = relation.columns.map(() => null);
  const fromNothing =
    pool.length > 0 ? [] : rowClass === "rows" ? [empty] : named(pair, rowClass, [empty], owners);
  const base = [...copies, ...made, ...fromNothing];
  const [first] = base;
  const variants = first ? variantsOf(pair, first, pool) : [];
  return unique([...base.slice(0, mostRows - variants.length), ...variants]);
}

/** Rows whose owner columns name whom the class means. */
function named(pair: Pair, rowClass: RowClass, rows: readonly Row[], owners: readonly OwnerValues[]): Row[] {
  const { relation } = pair;
  if (owners.length === 0) return [];
  const places = owners.map(({ column, self, others }) => ({
    at: relation.columns.findIndex(({ name }) => name === column.column),
    value: rowClass === "own" ? self : rowClass === "others" ? others[0] : null,
  }));
  if (places.some(({ value }) => value === undefined)) return [];
  return rows.map((row) =>
    row.map((value, at) => {
      const place = places.find((each) => each.at === at);
      return place ? (place.value ?? null) : value;
    }),
  );
}

/** The same row with other values in the columns that policies look at, one at a time. */
function variantsOf(pair: Pair, row: Row, pool: Trials["pool"]): Row[] {
  const { relation, rights, ownerColumns } = pair;
  const read = new Set(
    rights.policies.flatMap((policy) =>
      policy.command === "insert" || policy.command === "all" ? policy.reads : [],
    ),
  );
  return relation.columns
    .flatMap((column, at) => {
      const isOwner = ownerColumns.some((owner) => owner.column === column.name);
      // What the policies of a view's tables read may be any of its columns.
      const isRead = relation.kind === "view" ? relation.literals.length > 0 : read.has(column.name);
      if (!isRead || isOwner) return [];
      return otherValues(column, at, row[at] ?? null, pool, relation.literals).map((value) =>
        row.with(at, value),
      );
    })
    .slice(0, mostRows / 2);
}

function unique(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [JSON.stringify(row), row])).values()];
}
