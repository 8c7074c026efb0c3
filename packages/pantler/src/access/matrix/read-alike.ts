import { sqlName } from "../../copy/index.js";
import { classOf, largeFrom } from "./census.js";
import type { RowClass, Verdict } from "./matrix.js";
import { classesOf, type Pair } from "./pair.js";
import type { Attempt } from "./probe-session.js";

interface Alike {
  readonly hash: string;
  readonly class: RowClass;
  readonly count: number;
}

export type AlikeResult =
  | {
      readonly verdicts: Readonly<Partial<Record<RowClass, Verdict>>>;
      readonly notes: readonly string[];
      readonly refusal?: undefined;
    }
  | Extract<Attempt, { refusal: Error }>;

/**
 * Counts what an identity sees where rows cannot be told apart by their place: in views, and where only columns were
 * granted. Rows that look alike in those columns stand for each other.
 * @param columns what the identity may read
 */
export async function countAlike(pair: Pair, columns: string): Promise<AlikeResult> {
  const { session, relation, identity, owners } = pair;
  const hash = `md5(row(${columns})::text)`;
  const from = `from ${sqlName(relation)} limit ${largeFrom}`;
  const seen = await session.aside(async () => {
    await session.becomeReader(identity.identity);
    return await session.attempt(
      `select hash, count(*)::int as count from (select ${hash} as hash ${from}) as seen group by hash`,
    );
  });
  if (seen.refusal) return seen;
  const counts = new Map(
    (seen.rows as { hash: string; count: number }[]).map((row) => [row.hash, row.count]),
  );
  const whole = await readWhole(
    pair,
    `select hash, class, count(*)::int as count
    from (select ${hash} as hash, ${classOf(owners)} as class ${from}) as whole
    where $1::text is null or true
    group by hash, class`,
  );
  if (whole === undefined) return { verdicts: blind(pair, counts), notes: [unknownWhole] };
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const isCut = total >= largeFrom || whole.reduce((sum, { count }) => sum + count, 0) >= largeFrom;
  return {
    verdicts: verdictsOf(pair, counts, whole),
    notes: isCut ? [`it is large: its first ${largeFrom} rows were looked at`] : [],
  };
}

export const unknownWhole =
  "how many rows there are is not known: row security holds for the connection's role";

/**
 * Everything there is, as the session's own role. A view may show other rows to somebody who carries the identity's
 * claims: both are asked, and what either shows is there.
 */
async function readWhole({ session, relation, identity }: Pair, text: string): Promise<Alike[] | undefined> {
  const values = [identity.userId ?? null];
  const ask = async (settings: string) =>
    await session.aside(async () => {
      await session.client.query(settings);
      return await session.attempt(text, values);
    });
  const withClaims = await session.attempt(text, values);
  const found =
    withClaims.refusal && relation.kind === "view" ? await ask("set local row_security = on") : withClaims;
  if (found.refusal) return undefined;
  const rows = found.rows as unknown as Alike[];
  if (relation.kind !== "view") return rows;
  const without = await ask("select set_config('request.jwt.claims', '', true)");
  if (without.refusal) return rows;
  const known = new Set(rows.map((row) => `${row.hash} ${row.class}`));
  return [
    ...rows,
    ...(without.rows as unknown as Alike[]).filter((row) => !known.has(`${row.hash} ${row.class}`)),
  ];
}

/** Whose the rows are is not known then, only whether there are any. */
function blind(pair: Pair, counts: ReadonlyMap<string, number>): Partial<Record<RowClass, Verdict>> {
  const why = counts.size > 0 ? `some rows are seen; ${unknownWhole}` : unknownWhole;
  return Object.fromEntries(classesOf(pair).map((each) => [each, { level: "undecided", why }]));
}

function verdictsOf(
  pair: Pair,
  counts: ReadonlyMap<string, number>,
  whole: readonly Alike[],
): Partial<Record<RowClass, Verdict>> {
  const byHash = new Map<string, Alike[]>();
  for (const each of whole) byHash.set(each.hash, [...(byHash.get(each.hash) ?? []), each]);
  const bounds = new Map<RowClass, { of: number; least: number; most: number }>();
  for (const [hash, alike] of byHash) {
    const seen = counts.get(hash) ?? 0;
    const all = alike.reduce((sum, { count }) => sum + count, 0);
    for (const { class: rowClass, count } of alike) {
      const bound = bounds.get(rowClass) ?? { of: 0, least: 0, most: 0 };
      bounds.set(rowClass, {
        of: bound.of + count,
        least: bound.least + Math.min(count, Math.max(0, seen - (all - count))),
        most: bound.most + Math.min(count, seen),
      });
    }
  }
  const verdicts = new Map([...bounds].map(([rowClass, bound]) => [rowClass, verdictOf(bound)]));
  if ([...counts.keys()].some((hash) => !byHash.has(hash))) {
    // It is shown rows that nobody else is, so there is no saying whose they are.
    const why = "it is shown rows that the connection's role is not";
    for (const each of classesOf(pair)) {
      const level = verdicts.get(each)?.level ?? "none";
      if (level === "none") verdicts.set(each, { level: each === "rows" ? "some" : "undecided", why });
    }
  }
  return Object.fromEntries(verdicts);
}

function verdictOf({ of, least, most }: { of: number; least: number; most: number }): Verdict {
  if (least === of) return { level: "all", allowed: of, of };
  if (most === 0) return { level: "none", allowed: 0, of };
  const why =
    most === of ? "it may be all of them: they look alike in the columns that may be read" : undefined;
  if (least > 0) return { level: "some", allowed: least, of, why };
  return { level: "undecided", of, why: "its rows look alike in the columns that may be read" };
}
