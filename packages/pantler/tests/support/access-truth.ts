import type pg from "pg";
import { ada, ben } from "./measuring.js";
import type { RandomAccess, RandomRelation } from "./random-policies.js";

export const identities = ["anon", "ada", "ben", "service_role"] as const;
export type IdentityName = (typeof identities)[number];
export type TruthClass = "own" | "others" | "nobodys" | "rows";

/** What really happened when one row was worked on, alone in its table. */
export interface RowTruth {
  readonly class: TruthClass;
  readonly row: string;
  /** Undefined where it failed for another reason than a missing right. */
  readonly selects: boolean | undefined;
  readonly deletes: boolean;
  /** Columns that changed when they were set alone. */
  readonly columns: readonly string[];
  /** Columns that changed when others that policies look at were set as well. */
  readonly together: readonly string[];
  /** Whose the row became, by what was set: alone, and with others. */
  readonly became: readonly TruthClass[];
  readonly becameTogether: readonly TruthClass[];
}

/** What is really possible for an identity with a relation. */
export interface Truth {
  readonly relation: RandomRelation;
  readonly identity: IdentityName;
  readonly rows: readonly RowTruth[];
  /** The classes of rows that came to be by inserts. */
  readonly inserts: ReadonlySet<TruthClass>;
}

interface Answer {
  readonly message?: string;
  readonly code?: string;
  readonly count?: number;
  /** The row that is left in the base table, and whose it is. */
  readonly after?: Record<string, unknown> | null;
  readonly owner?: string | null;
}

type Assignment = readonly [column: string, literal: string];

/** A literal, as text that is cast where it is used; `null` stands for none. */
const literal = (value: string) => (value === "null" ? "null" : `'${value.replaceAll("'", "''")}'`);

const users: Readonly<Record<IdentityName, string | undefined>> = {
  anon: undefined,
  ada,
  ben,
  service_role: undefined,
};

function requestOf(identity: IdentityName): { role: string; claims: string } {
  if (identity === "anon" || identity === "service_role")
    return { role: identity, claims: JSON.stringify({ role: identity }) };
  return {
    role: "authenticated",
    claims: JSON.stringify({
      sub: users[identity],
      role: "authenticated",
      aud: "authenticated",
      email: `${identity}@test.local`,
      app_metadata: identity === "ada" ? { role: "manager" } : {},
      user_metadata: {},
    }),
  };
}

/**
 * Keeps a single row of a table, becomes somebody, and runs statements, each for itself: what a statement without a
 * condition does is what can be done to that row. After each, the superuser looks. Everything is taken back.
 */
const attempts = `
create function pg_temp.attempts(role text, claims text, base text, owner text, kept text, statements text[])
returns jsonb language plpgsql as $$
declare answers jsonb := '[]'; statement text; affected bigint; after jsonb; whose text;
begin
  begin
    set local session_replication_role = replica;
    execute format('delete from %I where ctid is distinct from %L::tid', base, kept);
    set local session_replication_role = origin;
    perform set_config('request.jwt.claims', claims, true);
    foreach statement in array statements loop
      begin
        perform set_config('role', role, true);
        if statement like 'select %' then
          execute statement into affected;
          after := null;
          whose := null;
        else
          execute statement;
          get diagnostics affected = row_count;
          perform set_config('role', 'none', true);
          execute format('select to_jsonb(t), %s from %I t', owner, base) into after, whose;
        end if;
        raise exception using errcode = 'PT200';
      exception when others then
        if sqlstate = 'PT200' then
          answers := answers || jsonb_build_array(jsonb_build_object('count', affected, 'after', after, 'owner', whose));
        else
          answers := answers || jsonb_build_array(jsonb_build_object('code', sqlstate, 'message', sqlerrm));
        end if;
      end;
    end loop;
    raise exception using errcode = 'PT201';
  exception when sqlstate 'PT201' then
    return answers;
  end;
end $$;
`;

/** Constraints say what data is right and not who may do what: they are taken off. */
const withoutConstraints = `
do $$
declare each record;
begin
  for each in
    select conrelid::regclass as table, conname as name from pg_constraint
    where connamespace = 'public'::regnamespace and contype in ('f', 'c', 'u', 'p') and conrelid <> 0
    order by array_position(array['f', 'c', 'u', 'p'], contype::text)
  loop
    execute format('alter table %s drop constraint %I', each.table, each.name);
  end loop;
  for each in
    select attrelid::regclass as table, attname as name from pg_attribute
    join pg_class on pg_class.oid = attrelid and relkind = 'r' and relnamespace = 'public'::regnamespace
    where attnum > 0 and not attisdropped and attnotnull and attidentity = ''
  loop
    execute format('alter table %s alter column %I drop not null', each.table, each.name);
  end loop;
end $$;
`;

/** Finds out, by doing everything to every row, what each identity can do. The database's constraints are gone afterwards. */
export async function findTruth(admin: pg.Client, { relations }: RandomAccess): Promise<Truth[]> {
  await admin.query("set search_path = public, extensions");
  await admin.query(withoutConstraints);
  await admin.query(attempts);
  const truths: Truth[] = [];
  for (const relation of relations) {
    const rows = await rowsOf(admin, relation);
    for (const identity of identities) truths.push(await truthOf(admin, relation, rows, identity));
  }
  return truths;
}

interface StandingRow {
  readonly place: string;
  readonly owner: string | null;
  readonly values: Record<string, unknown>;
  /** The values as literals. */
  readonly texts: Record<string, string | null>;
}

async function rowsOf(admin: pg.Client, { name, base, owner, isView, columns }: RandomRelation) {
  const texts = columns.map((column) => `'${column.name}', t.${column.name}::text`).join(", ");
  const { rows } = await admin.query<StandingRow>(
    `select t.ctid::text as place, ${owner ?? "null"} as owner, to_jsonb(t) as values, jsonb_build_object(${texts}) as texts from ${base} t`,
  );
  if (!isView) return rows;
  const shown: StandingRow[] = [];
  for (const row of rows) {
    const { rows: answers } = await admin.query<{ answers: Answer[] }>(
      "select pg_temp.attempts('none', '', $1, 'null::text', $2, array[$3]) as answers",
      [base, row.place, `select count(*) from ${name}`],
    );
    if (answers[0]?.answers[0]?.count === 1) shown.push(row);
  }
  return shown;
}

function classOf(
  { owner }: RandomRelation,
  identity: IdentityName,
  whose: string | null | undefined,
): TruthClass {
  if (owner === undefined) return "rows";
  if (whose === null || whose === undefined) return "nobodys";
  return whose === users[identity] ? "own" : "others";
}

async function truthOf(
  admin: pg.Client,
  relation: RandomRelation,
  rows: readonly StandingRow[],
  identity: IdentityName,
): Promise<Truth> {
  const attempt = async (kept: string | null, statements: readonly string[]): Promise<Answer[]> => {
    const { role, claims } = requestOf(identity);
    const { rows: found } = await admin.query<{ answers: Answer[] }>(
      "select pg_temp.attempts($1, $2, $3, $4, $5, $6) as answers",
      [role, claims, relation.base, relation.owner ?? "null::text", kept, statements],
    );
    return found[0]?.answers ?? [];
  };
  const valuesOf = (name: string): string[] => {
    const column = relation.columns.find((each) => each.name === name);
    const made = column?.type === "bigint" && name !== relation.ownerColumn?.name ? ["7777"] : [];
    const values = [
      ...rows.map((row) => row.texts[name] ?? "null"),
      ...(column?.values ?? []),
      ...made,
      "null",
    ];
    return unique(values).filter((value) => value !== "null" || !column?.isNotNull);
  };
  const condition = relation.isView ? await conditionOf(admin, relation, identity, rows, attempt) : "";
  const found: RowTruth[] = [];
  for (const row of rows) found.push(await rowTruth(relation, identity, row, valuesOf, attempt, condition));
  return {
    relation,
    identity,
    rows: found,
    inserts: await insertTruth(admin, relation, identity, rows, valuesOf, attempt),
  };
}

/** Rows of a view can be told apart by reading them alone: whoever sees some of them changes them by a condition. */
async function conditionOf(
  admin: pg.Client,
  { name, columns }: RandomRelation,
  identity: IdentityName,
  rows: readonly StandingRow[],
  attempt: (kept: string, statements: readonly string[]) => Promise<Answer[]>,
): Promise<string> {
  const { rows: readable } = await admin.query<{ name: string }>(
    "select wanted as name from unnest($3::text[]) wanted where has_column_privilege($1, $2::regclass, wanted, 'select')",
    [requestOf(identity).role, `public.${name}`, columns.map((column) => column.name)],
  );
  for (const row of rows) {
    const [answer] = await attempt(row.place, [`select count(*) from ${name}`]);
    if (answer?.count === 1) {
      return ` where ${readable.map((column) => `${column.name} is null`).join(" or ")} or true`;
    }
  }
  return "";
}

async function rowTruth(
  relation: RandomRelation,
  identity: IdentityName,
  row: StandingRow,
  valuesOf: (name: string) => readonly string[],
  attempt: (kept: string, statements: readonly string[]) => Promise<Answer[]>,
  condition: string,
): Promise<RowTruth> {
  const { name, columns, deciding } = relation;
  const alone = columns.flatMap((column) =>
    valuesOf(column.name).map((value): readonly Assignment[] => [[column.name, value]]),
  );
  const statement = (set: readonly Assignment[]) =>
    `update ${name} set ${set.map(([column, value]) => `${column} = ${literal(value)}`).join(", ")}${condition}`;
  const changed = (set: readonly Assignment[], { count, after }: Answer) =>
    count === 1 && after
      ? set.map(([column]) => column).filter((column) => !same(after[column], row.values[column]))
      : [];
  const [selected, deleted, ...updated] = await attempt(row.place, [
    `select count(*) from ${name}`,
    `delete from ${name}${condition}`,
    ...alone.map(statement),
  ]);
  const columnsAlone = new Set(alone.flatMap((set, at) => changed(set, updated[at] ?? {})));
  const became = becameOf(relation, identity, row, updated);
  // What changes alone need not be tried with others; nor anything where not even one column may be set.
  const isHopeless = updated.every(({ message }) => message?.startsWith("permission denied for") === true);
  const states = product(deciding.map((column) => [column, telling(valuesOf(column))] as const));
  const others = columns
    .filter(({ name: column }) => !columnsAlone.has(column) && !deciding.includes(column))
    .flatMap((column): readonly Assignment[] => {
      const value = valuesOf(column.name).find((each) => each !== (row.texts[column.name] ?? "null"));
      return value === undefined ? [] : [[column.name, value]];
    });
  const together = isHopeless
    ? []
    : [...states, ...others.flatMap((one) => states.map((state) => [one, ...state]))];
  const sets = new Map(together.filter((set) => set.length > 1).map((set) => [statement(set), set]));
  const combined = await attempt(row.place, [...sets.keys()]);
  const columnsTogether = new Set([...sets.values()].flatMap((set, at) => changed(set, combined[at] ?? {})));
  return {
    class: classOf(relation, identity, row.owner),
    row: JSON.stringify(row.texts),
    selects:
      selected?.code === undefined ? selected?.count === 1 : selected.code === "42501" ? false : undefined,
    deletes: deleted?.count === 1 && deleted.after === null,
    columns: [...columnsAlone],
    together: [...columnsTogether],
    became,
    becameTogether: becameOf(relation, identity, row, combined),
  };
}

function becameOf(
  relation: RandomRelation,
  identity: IdentityName,
  row: StandingRow,
  answers: readonly Answer[],
): TruthClass[] {
  const classes = answers.flatMap(({ count, after, owner }) =>
    count === 1 && after && owner !== row.owner ? [classOf(relation, identity, owner)] : [],
  );
  return unique(classes);
}

async function insertTruth(
  admin: pg.Client,
  relation: RandomRelation,
  identity: IdentityName,
  rows: readonly StandingRow[],
  valuesOf: (name: string) => readonly string[],
  attempt: (kept: string | null, statements: readonly string[]) => Promise<Answer[]>,
): Promise<Set<TruthClass>> {
  const { name, columns, deciding, ownerColumn } = relation;
  const { role } = requestOf(identity);
  const { rows: granted } = await admin.query<{ name: string }>(
    "select wanted as name from unnest($3::text[]) wanted where has_column_privilege($1, $2::regclass, wanted, 'insert')",
    [role, `public.${name}`, columns.map((column) => column.name)],
  );
  const given = columns.filter((column) => granted.some((each) => each.name === column.name));
  if (given.length === 0) return new Set();
  const isThere = (column: string) => columns.some((each) => each.name === column);
  const varied = unique([
    ...deciding,
    ...(ownerColumn ? [ownerColumn.name] : []),
    ...["parent_id"].filter(isThere),
  ]);
  const states = product(varied.map((column) => [column, valuesOf(column).slice(0, 20)] as const));
  const sources = rows.length > 0 ? rows.slice(0, 2) : [undefined];
  const statements = sources.flatMap((row) =>
    states.flatMap((state) =>
      [false, true].map((usesDefaults) => {
        const set = given.flatMap((column) => {
          const chosen = state.find(([each]) => each === column.name)?.[1];
          const value = chosen ?? row?.texts[column.name] ?? column.values[0] ?? "null";
          return [`${usesDefaults && column.hasDefault ? "default" : literal(value)}`];
        });
        const overriding = given.some((column) => column.isIdentityAlways) ? " overriding system value" : "";
        return `insert into ${name} (${given.map((column) => column.name).join(", ")})${overriding} values (${set.join(", ")})`;
      }),
    ),
  );
  const owned = columns.find((column) => column.name === ownerColumn?.name && column.isNotNull);
  const lacksOwner = (after: Record<string, unknown>) => owned !== undefined && after[owned.name] === null;
  const answers = await attempt(null, unique(statements));
  return new Set(
    answers.flatMap(({ count, after, owner }) =>
      count === 1 && after && !lacksOwner(after) ? [classOf(relation, identity, owner)] : [],
    ),
  );
}

/** Few enough to be combined, and nothing of a column that may be empty left out. */
function telling(values: readonly string[]): string[] {
  return [
    ...values.filter((value) => value !== "null").slice(0, 3),
    ...values.filter((value) => value === "null"),
  ];
}

function product(choices: readonly (readonly [string, readonly string[]])[]): Assignment[][] {
  return choices.reduce<Assignment[][]>(
    (sets, [column, values]) =>
      sets.flatMap((set) => values.map((value) => [...set, [column, value] as const])),
    [[]],
  );
}

function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function unique<Item>(items: readonly Item[]): Item[] {
  return [...new Set(items)];
}
