import { sqlName } from "../../copy/index.js";
import { type Client, quoteIdentifier } from "../../postgres/index.js";
import type { AccessIdentity } from "../identities.js";
import type { RelationFacts } from "./facts.js";
import type { RowClass } from "./matrix.js";
import type { ProbeSession } from "./probe-session.js";

/** Where a row lies: in which table or partition, and at which place. */
export interface RowPlace {
  readonly part: string;
  readonly place: string;
}

/** Rows of one class that are alike in what is known of them. */
export interface RowGroup {
  readonly class: RowClass;
  /** Whether the identity sees them; undefined where that could not be told row by row. */
  readonly isSeen: boolean | undefined;
  /** Whether the policies for update (1) and delete (2) seem to let the identity have them. */
  readonly hints: number;
  readonly count: number;
  /** The first few of them. */
  readonly places: readonly RowPlace[];
}

/** From this many rows on a sample is taken. */
export const largeFrom = 100_000;

/** A sample has about so many rows. */
const sampleRows = 20_000;

/** So many rows of each group are kept to be tried. */
const keptPlaces = 6;

/** SQL that tells the class of a row; `$1` is the identity's user. */
export function classOf(owners: string | undefined): string {
  if (owners === undefined) return "'rows'";
  return `(
    select case when cardinality(owners) = 0 then 'nobodys' when $1::text = any (owners) then 'own' else 'others' end
    from (select coalesce((${owners}), '{}') as owners offset 0) as found
  )`;
}

/** The part of a relation that is looked at: all of it, or the same sample for everybody. */
export function sourceOf(relation: RelationFacts): string {
  const name = sqlName(relation);
  if (relation.estimate <= largeFrom) return name;
  const percent = Math.max((100 * sampleRows) / relation.estimate, 0.01);
  return `${name} tablesample system (${percent.toFixed(4)}) repeatable (1)`;
}

/**
 * Counts the rows of a table by class, and by whether somebody sees them; the session reads as itself.
 * @param owners SQL for the owners of a row that is called by the table's name
 * @param seen the rows that the identity sees; undefined where nothing is known
 * @param places only these; all, or the sample, by default
 */
export async function countRows(
  session: ProbeSession,
  relation: RelationFacts,
  identity: AccessIdentity,
  owners: string | undefined,
  seen: readonly RowPlace[] | undefined,
  places?: readonly RowPlace[],
): Promise<RowGroup[]> {
  const [update, remove] = [hintOf(relation, "update"), hintOf(relation, "delete")];
  const count = (hints: string) =>
    queryGroups(session.client, relation, identity, owners, seen, hints, places);
  if (update === undefined && remove === undefined) return await count("0");
  const hints = `case when ${update ?? "false"} then 1 else 0 end + case when ${remove ?? "false"} then 2 else 0 end`;
  await session.client.query("savepoint pantler_hints");
  try {
    return await count(hints);
  } catch {
    // The policies cannot be computed by this role, or fail; they are hints and no more.
    await session.client.query("rollback to savepoint pantler_hints");
    return await count("0");
  } finally {
    await session.client.query("release savepoint pantler_hints").catch(() => {});
  }
}

async function queryGroups(
  client: Client,
  relation: RelationFacts,
  { userId }: AccessIdentity,
  owners: string | undefined,
  seen: readonly RowPlace[] | undefined,
  hints: string,
  places: readonly RowPlace[] | undefined,
): Promise<RowGroup[]> {
  const self = quoteIdentifier(relation.name);
  const wanted = places
    ? `join unnest($4::oid[], $5::tid[]) as wanted (part, place) on ${self}.tableoid = wanted.part and ${self}.ctid = wanted.place`
    : "";
  const { rows } = await client.query<{
    class: RowClass;
    seen: boolean;
    hints: number;
    count: string;
    places: RowPlace[];
  }>(
    `with seen as (select part, place from unnest($2::oid[], $3::tid[]) as each (part, place)),
    known as (
      select ${self}.tableoid as part, ${self}.ctid as place, ${classOf(owners)} as class, ${hints} as hints
      from ${places ? sqlName(relation) : sourceOf(relation)} ${wanted}
    )
    select
      class, seen.place is not null as seen, hints, count(*) as count,
      to_json((array_agg(json_build_object('part', part::text, 'place', place::text)))[1:${keptPlaces}]) as places
    from known
    left join seen using (part, place)
    where $1::text is null or true
    group by class, seen.place is not null, hints`,
    [userId ?? null, ...columnsOf(seen ?? []), ...(places ? columnsOf(places) : [])],
  );
  return rows.map(({ seen: isSeen, count, ...row }) => ({
    ...row,
    isSeen: seen === undefined ? undefined : isSeen,
    count: Number(count),
  }));
}

export function columnsOf(places: readonly RowPlace[]): [string[], string[]] {
  return [places.map(({ part }) => part), places.map(({ place }) => place)];
}

/** The policies' row filter as SQL. Computed by another role it may tell another thing, so it only says where to look. */
function hintOf({ policies }: RelationFacts, command: "update" | "delete"): string | undefined {
  const holding = policies.filter((policy) => policy.command === "all" || policy.command === command);
  const filters = holding.flatMap(({ permissive, using }) => (permissive && using ? [`(${using})`] : []));
  return filters.length === 0 ? undefined : `(${filters.join(" or ")})`;
}
