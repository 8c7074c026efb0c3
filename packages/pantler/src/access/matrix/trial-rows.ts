import { sqlName } from "../../copy/index.js";
import { quoteIdentifier, quoteLiteral } from "../../postgres/index.js";
import { classOf, columnsOf, type RowGroup, type RowPlace } from "./census.js";
import type { RowClass } from "./matrix.js";
import type { Pair } from "./pair.js";

/** A row on which something is tried. */
export interface TrialRow {
  readonly class: RowClass;
  /** The values of all columns as text, in the columns' order; null where there is none. */
  readonly values: readonly (string | null)[];
  /** What singles it out in a statement, with its parameters from `$1` on. */
  readonly condition: string;
  readonly parameters: readonly string[];
  /** Whether the identity sees nothing of the relation, so that it may not be able to single the row out. */
  readonly isUnseen?: boolean;
  /** Where it lies; undefined for a view's. */
  readonly place: (RowPlace & { readonly table: string }) | undefined;
}

/** Values to be written, by the columns' names. */
export type Assignments = readonly (readonly [column: string, value: string | null])[];

/** The rows on which changes are tried, and others from which values are taken. */
export interface Trials {
  readonly rows: readonly TrialRow[];
  readonly pool: readonly (readonly (string | null)[])[];
}

/** Of each class at most so many rows are tried, and so many give values. */
const triedRows = 6;
const pooledRows = 40;

/**
 * Chooses rows of each class, some of every kind: seen and not, with a policy that seems to allow it and without. A
 * cursor is left on each, opened by the session's own role: through it somebody can address one row without the right to
 * read anything.
 */
export async function chooseTrials(pair: Pair, groups: readonly RowGroup[]): Promise<Trials> {
  const { session, relation } = pair;
  const chosen = classNames(groups).flatMap((rowClass) =>
    alternate(groups.filter((group) => group.class === rowClass))
      .slice(0, triedRows)
      .map((place) => ({ ...place, class: rowClass })),
  );
  const table = sqlName(relation);
  const self = quoteIdentifier(relation.name);
  const values = `array[${relation.columns.map(({ name }) => `${self}.${quoteIdentifier(name)}::text`).join(", ")}]::text[]`;
  const { rows } = await session.client.query<RowPlace & { table: string; values: (string | null)[] }>(
    `select
      ${self}.tableoid::text as part, ${self}.ctid::text as place, ${values} as values,
      (
        select format('%I.%I', nspname, relname)
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.oid = ${self}.tableoid
      ) as table
    from ${table}
    join unnest($1::oid[], $2::tid[]) as wanted (part, place) on ${self}.tableoid = wanted.part and ${self}.ctid = wanted.place`,
    columnsOf(chosen),
  );
  const found = new Map(rows.map((row) => [`${row.part} ${row.place}`, row]));
  const open: string[] = [];
  const trials = chosen.flatMap((wanted, at): TrialRow[] => {
    const row = found.get(`${wanted.part} ${wanted.place}`);
    if (!row) return [];
    const cursor = `pantler_row_${at}`;
    open.push(
      `declare ${cursor} no scroll cursor for select from ${table}
      where ctid = ${quoteLiteral(row.place)} and tableoid = ${Number(row.part)};
      fetch ${cursor};`,
    );
    const { class: rowClass } = wanted;
    return [
      { class: rowClass, values: row.values, condition: `current of ${cursor}`, parameters: [], place: row },
    ];
  });
  if (open.length > 0) await session.client.query(open.join("\n"));
  const pool = await session.client.query<{ values: (string | null)[] }>(
    `select ${values} as values from ${table} limit ${pooledRows}`,
  );
  return {
    rows: trials,
    pool: [...trials.map(({ values: own }) => own), ...pool.rows.map((row) => row.values)],
  };
}

/**
 * Chooses rows of a view, which are singled out by what the identity may read of them.
 * @returns no rows where it may read nothing
 */
export async function chooseViewTrials(pair: Pair, isUnseen: boolean): Promise<Trials> {
  const { session, relation, identity, owners, rights } = pair;
  const self = quoteIdentifier(relation.name);
  const values = `array[${relation.columns.map(({ name }) => `${self}.${quoteIdentifier(name)}::text`).join(", ")}]::text[]`;
  const readable = rights.granted.select;
  const hash = `md5(row(${readable.map((name) => `${self}.${quoteIdentifier(name)}`).join(", ")})::text)`;
  const attempt = await session.attempt(
    `select ${values} as values, ${classOf(owners)} as class, ${hash} as hash
    from ${sqlName(relation)}
    where $1::text is null or true
    limit ${pooledRows * 5}`,
    [identity.userId ?? null],
  );
  if (attempt.refusal) return { rows: [], pool: [] };
  const found = attempt.rows as unknown as { values: (string | null)[]; class: RowClass; hash: string }[];
  const counts = new Map<RowClass, number>();
  const rows = found.flatMap((row): TrialRow[] => {
    const count = (counts.get(row.class) ?? 0) + 1;
    counts.set(row.class, count);
    if (count > triedRows || readable.length === 0) return [];
    return [
      {
        ...row,
        condition: `${hash} = ${quoteLiteral(row.hash)}`,
        parameters: [],
        isUnseen,
        place: undefined,
      },
    ];
  });
  return { rows, pool: found.map((row) => row.values) };
}

function classNames(groups: readonly RowGroup[]): RowClass[] {
  return [...new Set(groups.map((group) => group.class))];
}

/** One of each group, then the second ones, and so on; what looks allowed first. */
function alternate(groups: readonly RowGroup[]): RowPlace[] {
  const ordered = [...groups].sort(
    (left, right) => right.hints - left.hints || Number(right.isSeen ?? false) - Number(left.isSeen ?? false),
  );
  const most = Math.max(0, ...ordered.map(({ places }) => places.length));
  return Array.from({ length: most }, (_, at) => ordered.flatMap(({ places }) => places[at] ?? [])).flat();
}
