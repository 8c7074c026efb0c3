import { randomBytes } from "node:crypto";
import fc from "fast-check";
import type pg from "pg";
import { generateRows, type TableSeed } from "../../src/index.js";

/** A column of a random table. */
interface RandomColumn {
  readonly kind: number;
  readonly nullable: boolean;
  readonly unique: boolean;
  readonly check: number;
}

interface RandomTable {
  readonly key: "identity" | "identity by default" | "serial" | "uuid" | "text" | "none";
  readonly columns: readonly RandomColumn[];
  /** To which other table, by its place, and how. */
  readonly references: readonly {
    readonly to: number;
    readonly how: "null" | "not null" | "unique" | "composite";
  }[];
  readonly self: "no" | "null" | "not null";
  readonly extras: readonly number[];
  readonly rows: number;
}

/** Tables with columns of all common types, constraints, and foreign keys to others, to themselves and in circles. */
export interface RandomSchema {
  readonly tables: readonly RandomTable[];
  /** How foreign keys wait that close a circle. */
  readonly circle: "null" | "deferrable" | "deferred";
}

/** Types, with checks of which at most one is taken; `%` stands for the column. `wide` ones have enough values to be unique. */
const kinds: readonly {
  readonly type: string;
  readonly wide?: boolean;
  readonly checks?: readonly string[];
}[] = [
  { type: "int", wide: true, checks: ["% > 0", "% between 5 and 9000", "% % 3 = 0", "% <> 7 and % >= -10"] },
  { type: "smallint", checks: ["% in (1, 2, 3)", "% >= 0"] },
  { type: "bigint", wide: true, checks: ["% >= 100000"] },
  { type: "numeric(8,2)", wide: true, checks: ["% >= 0.5 and % < 5000", "% > 0"] },
  { type: "numeric" },
  { type: "double precision", checks: ["% between 0 and 1"] },
  { type: "real" },
  {
    type: "text",
    wide: true,
    checks: [
      "length(%) between 3 and 10",
      "% = lower(%)",
      "% ~ '^[A-Z]{3}-[0-9]{2}$'",
      "length(btrim(%)) > 0",
    ],
  },
  { type: "text", checks: ["% in ('a', 'b', 'it''s')", "% = any (array['x', 'y'])", "char_length(%) <= 4"] },
  { type: "varchar(5)", checks: ["% <> 'never'"] },
  { type: "char(3)" },
  { type: "boolean" },
  { type: "uuid", wide: true },
  { type: "date", checks: ["% > '2020-01-01'", "% between '2021-03-01' and '2021-06-01'"] },
  { type: "timestamptz", checks: ["% <= now()", "% >= '2030-01-01'"] },
  { type: "timestamp" },
  { type: "time" },
  { type: "interval", checks: ["% > interval '1 hour'"] },
  { type: "jsonb", checks: ["jsonb_typeof(%) = 'object'"] },
  { type: "json" },
  { type: "bytea" },
  { type: "inet" },
  { type: "cidr" },
  { type: "macaddr" },
  { type: "int[]", checks: ["cardinality(%) <= 3", "array_length(%, 1) is null or array_length(%, 1) < 5"] },
  { type: "text[]" },
  { type: "mood", checks: ["% <> 'sad'"] },
  { type: "mood[]" },
  { type: "positive", checks: ["% < 500"] },
  { type: "spoken" },
  { type: "small_positive" },
  { type: "slug" },
  { type: "int4range" },
  { type: "daterange" },
  { type: "tstzrange" },
  { type: "int4multirange" },
  { type: "bit(4)" },
  { type: "varbit(6)" },
  { type: "money" },
  { type: "point" },
  { type: "tsvector" },
  { type: "name" },
];

/** What else a table may have. */
const extras = [
  "low int, high int, check (low < high)",
  "one text, other text, check (one is not null or other is not null)",
  "done boolean not null, done_at timestamptz, check (done = (done_at is not null))",
  "stage text not null check (stage in ('open', 'won', 'lost')), reason text, check (stage <> 'lost' or reason is not null)",
  "base int not null, twice int generated always as (base * 2) stored unique",
  "title text not null, is_main boolean not null default false",
  "tag text, place int, unique nulls not distinct (tag, place)",
  "part int not null, whole int not null, check (part <= whole and whole > 0)",
  "worded text, check (worded similar to '%[a-z]%')",
  "span int4range not null, exclude using gist (span with &&)",
  "starts date not null, ends date not null, check (ends >= starts)",
  "quantity int not null, price int not null, total int not null, check (total = quantity * price)",
  "code text not null, check (upper(code) = code and length(code) = 4)",
] as const;

const tableOf = (place: number): fc.Arbitrary<RandomTable> =>
  fc.record({
    key: fc.constantFrom("identity", "identity by default", "serial", "uuid", "text", "none"),
    columns: fc.array(
      fc.record({
        kind: fc.nat(kinds.length - 1),
        nullable: fc.boolean(),
        unique: fc.boolean(),
        check: fc.integer({ min: -2, max: 3 }),
      }),
      { maxLength: 7 },
    ),
    references: fc.array(
      fc.record({ to: fc.nat(4), how: fc.constantFrom("null", "not null", "unique", "composite") }),
      { maxLength: place === 0 ? 1 : 2 },
    ),
    self: fc.constantFrom("no", "no", "null", "not null"),
    extras: fc.uniqueArray(fc.nat(extras.length - 1), { maxLength: 2 }),
    rows: fc.integer({ min: 1, max: 14 }),
  });

/** Random schemas. Whatever they ask for can be had: they have at least one row for every table. */
export const randomSchema: fc.Arbitrary<RandomSchema> = fc.record({
  tables: fc
    .integer({ min: 1, max: 5 })
    .chain((count) => fc.tuple(...Array.from({ length: count }, (_none, place) => tableOf(place)))),
  circle: fc.constantFrom("null", "deferrable", "deferred"),
});

/** The statements that make a schema, and how many rows each of its tables is to have. */
export function writeSchema({ tables, circle }: RandomSchema): {
  readonly statements: readonly string[];
  readonly rows: ReadonlyMap<string, number>;
} {
  const rows = tables.map((table) => table.rows);
  const keyed = tables.map(({ key }) => key !== "none");
  const statements = [
    "create type mood as enum ('happy', 'sad', 'so so')",
    "create domain positive as int check (value > 0)",
    "create domain small_positive as positive check (value < 1000)",
    "create domain spoken as text check (value similar to '%[aeiou]%') check (length(value) < 60)",
    "create domain slug as varchar(20) not null check (value ~ '^[a-z0-9]{2,12}$')",
  ];
  const later: string[] = [];
  for (const [place, table] of tables.entries()) {
    const parts = [keyOf(table.key)];
    for (const [index, column] of table.columns.entries()) parts.push(columnOf(column, `c${index}`));
    for (const extra of table.extras) parts.push(extras[extra] ?? "");
    if (table.self !== "no" && keyed[place]) {
      parts.push(
        `self_id ${keyType(table.key)} ${table.self === "null" ? "" : "not null"} references t${place} (id)`,
      );
    }
    for (const [index, { to, how }] of table.references.entries()) {
      const other = to % tables.length;
      if (other === place || !keyed[other]) continue;
      const column = `r${index}`;
      const type = keyType(tables[other]?.key ?? "none");
      if (other > place) {
        const isNull = circle === "null";
        parts.push(`${column} ${type} ${isNull ? "" : "not null"}`);
        const waits = isNull
          ? ""
          : `deferrable initially ${circle === "deferred" ? "deferred" : "immediate"}`;
        later.push(`alter table t${place} add foreign key (${column}) references t${other} (id) ${waits}`);
      } else if (how === "composite") {
        later.push(`alter table t${other} add column if not exists sort int not null default 1`);
        parts.push(`${column} ${type}, ${column}_sort int`);
        later.push(
          `create unique index if not exists t${other}_pair on t${other} (id, sort)`,
          `alter table t${place} add foreign key (${column}, ${column}_sort) references t${other} (id, sort)`,
        );
      } else {
        parts.push(
          `${column} ${type} ${how === "null" ? "" : "not null"} ${how === "unique" ? "unique" : ""} references t${other} (id)`,
        );
        if (how === "unique") rows[place] = Math.min(rows[place] ?? 1, rows[other] ?? 1);
      }
    }
    statements.push(`create table t${place} (${parts.filter((part) => part !== "").join(", ")})`);
    if (table.extras.includes(5)) {
      statements.push(
        `create unique index on t${place} (lower(title))`,
        `create unique index on t${place} (is_main) where is_main`,
      );
    }
  }
  return {
    statements: [...statements, ...later],
    rows: new Map(rows.map((count, place) => [`t${place}`, count])),
  };
}

function keyOf(key: RandomTable["key"]): string {
  switch (key) {
    case "identity":
      return "id bigint generated always as identity primary key";
    case "identity by default":
      return "id int generated by default as identity primary key";
    case "serial":
      return "id serial primary key";
    case "uuid":
      return "id uuid primary key default gen_random_uuid()";
    case "text":
      return "id text primary key";
    case "none":
      return "anything int";
  }
}

function keyType(key: RandomTable["key"]): string {
  if (key === "uuid" || key === "text") return key;
  return key === "identity" ? "bigint" : "int";
}

function columnOf({ kind, nullable, unique, check }: RandomColumn, name: string): string {
  const { type, wide, checks = [] } = kinds[kind] ?? { type: "int" };
  const condition = checks[check];
  return [
    name,
    type,
    nullable ? "" : "not null",
    unique && wide ? "unique" : "",
    condition === undefined ? "" : `check (${condition.replaceAll(/%(?! 3)(?![[\]a-z'])/g, name)})`,
  ].join(" ");
}

/**
 * Makes the schema in a transaction that is rolled back, and has its rows generated.
 * @returns how many rows each table has then, and is to have
 */
export async function fillSchema(
  client: pg.Client,
  schema: RandomSchema,
): Promise<{ readonly found: unknown; readonly wanted: unknown }> {
  const name = `random_${randomBytes(6).toString("hex")}`;
  const { statements, rows } = writeSchema(schema);
  await client.query(`begin; create schema ${name}; set local search_path = ${name}, extensions`);
  try {
    for (const statement of statements) await client.query(statement);
    await client.query("set local search_path = public");
    const tables = Object.fromEntries(
      [...rows].map(([table, count]): [string, TableSeed] => [`${name}.${table}`, { rows: count }]),
    );
    await generateRows(client, { definition: { tables }, users: [] });
    const counts = [...rows.keys()].map(
      (table) => `(select count(*)::int from ${name}.${table}) as ${table}`,
    );
    await client.query("set constraints all immediate");
    const { rows: found } = await client.query<Record<string, number>>(`select ${counts.join(", ")}`);
    return { found: found[0], wanted: Object.fromEntries(rows) };
  } finally {
    await client.query("rollback");
  }
}
