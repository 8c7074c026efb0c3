import { sqlColumns, sqlName } from "../../copy/index.js";
import { counted } from "../../operation/index.js";
import { quoteIdentifier, sqlstateOf, sqlstates } from "../../postgres/index.js";
import { columnsOf, countRows, largeFrom, type RowGroup, type RowPlace, sourceOf } from "./census.js";
import type { RowClass, Verdict } from "./matrix.js";
import { classesOf, type Pair } from "./pair.js";
import type { Attempt } from "./probe-session.js";
import { countAlike, unknownWhole } from "./read-alike.js";
import { rulingOf } from "./rights.js";

/** What an identity sees of a relation, and the rows on which the rest can be tried. */
export interface Seen {
  readonly verdicts: Readonly<Partial<Record<RowClass, Verdict>>>;
  readonly groups: readonly RowGroup[];
  readonly notes: readonly string[];
}

/** So many of one's own rows are looked up in a large table. */
const ownRows = 200;

/** Finds what an identity sees of a relation. */
export async function readRows(pair: Pair): Promise<Seen> {
  const { relation, rights, reach } = pair;
  const outward = reach.ofReading(relation.oid);
  const hasPlaces = relation.kind !== "view" && relation.kind !== "foreign table";
  const isGranted = rights.granted.select.length > 0;
  if (outward !== undefined) {
    return { verdicts: same(pair, isGranted ? undecided(outward) : notGranted), groups: [], notes: [] };
  }
  if (!isGranted) {
    const groups = hasPlaces ? await count(pair, undefined) : [];
    return { verdicts: same(pair, notGranted), groups: groups ?? [], notes: [] };
  }
  if (!hasPlaces || !rights.selectsAll) return await readAlike(pair, hasPlaces);
  return relation.estimate > largeFrom ? await readSample(pair) : await readAll(pair);
}

const notGranted: Verdict = { level: "none", why: "not granted" };

function undecided(why: string): Verdict {
  return { level: "undecided", why };
}

function same(pair: Pair, verdict: Verdict): Seen["verdicts"] {
  return Object.fromEntries(classesOf(pair).map((each) => [each, verdict]));
}

async function readAll(pair: Pair): Promise<Seen> {
  const attempt = await lookAs(pair, `from ${sqlName(pair.relation)} limit ${2 * largeFrom}`);
  if (attempt.refusal) return await unreadable(pair, attempt);
  const groups = await count(pair, attempt.places);
  if (!groups) return { verdicts: same(pair, undecided(unknownWhole)), groups: [], notes: [] };
  return { verdicts: verdictsOf(pair, groups), groups, notes: [] };
}

/**
 * A sample tells how much is seen. What it cannot rule out is that a few rows are seen which it does not hold: the first
 * rows that the identity is given are looked at for that, and its own ones are looked up.
 */
async function readSample(pair: Pair): Promise<Seen> {
  const { relation } = pair;
  const sample = await lookAs(pair, `from ${sourceOf(relation)}`);
  const first = await lookAs(pair, `from ${sqlName(relation)} limit ${ownRows * 50}`);
  if (sample.refusal) return await unreadable(pair, sample);
  const groups = await count(pair, sample.places);
  if (!groups) return { verdicts: same(pair, undecided(unknownWhole)), groups: [], notes: [] };
  const further: RowGroup[] = [];
  if (!first.refusal && first.places.length > 0) {
    further.push(...((await count(pair, first.places, first.places)) ?? []));
  }
  const own = await lookUpOwn(pair);
  if (own.length > 0) {
    const seen = await lookAs(pair, `from ${sqlName(relation)} where ctid = any ($1::tid[])`, [
      columnsOf(own)[1],
    ]);
    const places = seen.refusal ? [] : seen.places;
    further.push(...((await count(pair, places, own)) ?? []));
  }
  const verdicts = Object.fromEntries(
    classesOf(pair).map((each) => {
      const inSample = verdictOf(pair, each, groups);
      const beyond = verdictOf(pair, each, further);
      return [each, { ...inSample, level: either(inSample.level, beyond.level) }];
    }),
  );
  const size = counted(
    groups.reduce((sum, { count }) => sum + count, 0),
    "row",
  );
  const why = first.refusal ? "; reading the first rows took too long or failed" : "";
  return {
    verdicts,
    groups: [...further, ...groups],
    notes: [`it is large: a sample of ${size} was looked at${why}`],
  };
}

/** What two looks at one class come to: rows found by either are there. */
function either(sample: Verdict["level"], beyond: Verdict["level"]): Verdict["level"] {
  if (sample === "no rows" || sample === beyond) return beyond;
  return beyond === "no rows" || (sample === "all" && beyond !== "none") ? sample : "some";
}

type Look =
  | { readonly places: readonly RowPlace[]; readonly refusal?: undefined }
  | Extract<Attempt, { refusal: Error }>;

/** Reads, as the identity, where the rows lie that it sees. The server refuses whatever this would write. */
async function lookAs(pair: Pair, from: string, values: readonly unknown[] = []): Promise<Look> {
  const { session, identity } = pair;
  return await session.aside(async () => {
    await session.becomeReader(identity.identity);
    const attempt = await session.attempt(
      `select tableoid::text as part, ctid::text as place ${from}`,
      values,
    );
    if (attempt.refusal) return attempt;
    return { places: attempt.rows as unknown as RowPlace[] };
  });
}

/** In a large table the rows of one user are too few for a sample: they are looked up by the columns that name the owner. */
async function lookUpOwn({ session, relation, identity, ownerColumns }: Pair): Promise<RowPlace[]> {
  if (identity.userId === undefined) return [];
  const found: RowPlace[] = [];
  for (const { column, through } of ownerColumns) {
    const name = quoteIdentifier(column);
    const is = through
      ? `in (select ${quoteIdentifier(through.key)} from ${sqlName(through.table)} where ${quoteIdentifier(through.user)}::text = $1)`
      : "::text = $1";
    const attempt = await session.attempt(
      `select tableoid::text as part, ctid::text as place from ${sqlName(relation)} where ${name}${is} limit ${ownRows}`,
      [identity.userId],
    );
    if (!attempt.refusal) found.push(...(attempt.rows as unknown as RowPlace[]));
  }
  return found;
}

/** Where reading fails as a whole, that is the answer; the rows are still there for the other commands. */
async function unreadable(pair: Pair, { refusal }: Extract<Attempt, { refusal: Error }>): Promise<Seen> {
  const groups = await count(pair, undefined);
  return { verdicts: same(pair, verdictOfRefusal(refusal)), groups: groups ?? [], notes: [] };
}

function verdictOfRefusal({ code, message }: { code?: string | undefined; message: string }): Verdict {
  if (code === sqlstates.insufficientPrivilege) return { level: "none", why: message };
  if (code === sqlstates.queryCanceled) return undecided("reading it took too long");
  if (code === "25006") return undecided(`reading it writes something: ${message}`);
  return undecided(`error ${code}: ${message}`);
}

async function readAlike(pair: Pair, hasPlaces: boolean): Promise<Seen> {
  const { rights } = pair;
  const groups = (hasPlaces ? await count(pair, undefined) : undefined) ?? [];
  const alike = await countAlike(pair, sqlColumns(rights.granted.select));
  if (alike.refusal) return { verdicts: same(pair, verdictOfRefusal(alike.refusal)), groups, notes: [] };
  const verdicts = Object.fromEntries(
    classesOf(pair).map((each) => [each, alike.verdicts[each] ?? withoutRows(pair)]),
  );
  return { verdicts, groups, notes: alike.notes };
}

/** @returns undefined where the session's own role does not see everything */
async function count(
  pair: Pair,
  seen: readonly RowPlace[] | undefined,
  places?: readonly RowPlace[],
): Promise<RowGroup[] | undefined> {
  const { session, relation, identity, owners } = pair;
  try {
    return await session.aside(() => countRows(session, relation, identity, owners, seen, places));
  } catch (error) {
    if (sqlstateOf(error) === sqlstates.insufficientPrivilege) return undefined;
    throw error;
  }
}

function verdictsOf(pair: Pair, groups: readonly RowGroup[]): Seen["verdicts"] {
  return Object.fromEntries(classesOf(pair).map((each) => [each, verdictOf(pair, each, groups)]));
}

function verdictOf(pair: Pair, rowClass: RowClass, groups: readonly RowGroup[]): Verdict {
  const ours = groups.filter((group) => group.class === rowClass);
  const sum = (some: readonly RowGroup[]) => some.reduce((total, { count }) => total + count, 0);
  const of = sum(ours);
  if (of === 0) return withoutRows(pair);
  const allowed = sum(ours.filter(({ isSeen }) => isSeen));
  return { level: allowed === 0 ? "none" : allowed === of ? "all" : "some", allowed, of };
}

/** Without a row only grants and policies can tell, and only where they are plain. */
function withoutRows({ relation, rights }: Pair): Verdict {
  const ruling = rulingOf(relation, rights, "select");
  return ruling ?? { level: "no rows" };
}
