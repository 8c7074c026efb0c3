import { ada, ben } from "./measuring.js";

/** How a row of a table names its owner. */
export type Whose = "column" | "profile" | "parent" | "none";

export interface RandomColumn {
  readonly name: string;
  readonly type: string;
  /** Literals of values that rows hold or could hold. */
  readonly values: readonly string[];
  readonly isNotNull?: boolean;
  readonly isIdentityAlways?: boolean;
  readonly hasDefault?: boolean;
}

/** A table, or a view of one. */
export interface RandomRelation {
  readonly name: string;
  /** The table whose rows are shown; a table's own name. */
  readonly base: string;
  readonly isView: boolean;
  readonly columns: readonly RandomColumn[];
  /** SQL for the id of the user whose row `t` of the base it is, as text; undefined where nothing tells. */
  readonly owner: string | undefined;
  /** The column that names the owner and what it holds for each of the two users. */
  readonly ownerColumn:
    | { readonly name: string; readonly byUser: Readonly<Record<string, string>> }
    | undefined;
  /** Columns that policies read: they are changed together with others. */
  readonly deciding: readonly string[];
}

export interface RandomAccess {
  readonly statements: string;
  readonly relations: readonly RandomRelation[];
}

type Random = () => number;

const people = [ada, ben] as const;
const statuses = ["x", "y", "z"] as const;
const me = ["(select auth.uid())", "auth.uid()"] as const;
const roles = ["anon", "authenticated", "service_role"] as const;
const commands = ["select", "insert", "update", "delete"] as const;

function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error("there is nothing to pick from");
  return item;
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** Makes up a few tables and views with grants, row security, policies, triggers and rows of two people and of nobody. */
export function randomAccess(random: Random): RandomAccess {
  const tables: Draft[] = [];
  const statements = [`update auth.users set raw_app_meta_data = '{"role": "manager"}' where id = '${ada}'`];
  const count = 1 + Math.floor(random() * 3);
  const hasProfiles = random() < 0.4;
  if (hasProfiles) tables.push(profilesTable(random, statements));
  for (let place = 0; place < count; place++) {
    tables.push(randomTable(random, `t${place}`, tables, hasProfiles, statements));
  }
  const relations: RandomRelation[] = [];
  for (const table of tables) {
    statements.push(`revoke all on ${table.name} from anon, authenticated, service_role`);
    statements.push(...grantsOf(random, table), ...policiesOf(random, table), ...triggersOf(random, table));
    relations.push(relationOf(table));
    if (random() < 0.3) relations.push(viewOf(random, table, statements));
  }
  return { statements: `${statements.join(";\n")};`, relations };
}

interface Draft {
  readonly name: string;
  readonly whose: Whose;
  readonly columns: readonly RandomColumn[];
  readonly ownerColumn: RandomRelation["ownerColumn"];
  readonly parent: Draft | undefined;
  readonly keys: readonly string[];
  /** The expressions of its policies. */
  readonly expressions: string[];
}

const byId = Object.fromEntries(people.map((id) => [id, id]));
const byProfile = { [ada]: "1", [ben]: "2" };

function profilesTable(random: Random, statements: string[]): Draft {
  const nick = pick(random, ["nick text", "nick text not null check (nick <> '')"]);
  statements.push(
    `create table profiles (id bigint primary key, user_id uuid not null unique references auth.users, ${nick}, status text default 'x')`,
    `insert into profiles values (1, '${ada}', 'a', 'x'), (2, '${ben}', 'b', 'y')`,
  );
  return {
    name: "profiles",
    whose: "column",
    columns: [
      { name: "id", type: "bigint", values: ["1", "2", "11"], isNotNull: true },
      { name: "user_id", type: "uuid", values: [...people], isNotNull: true },
      { name: "nick", type: "text", values: ["a", "c"], isNotNull: nick.includes("not null") },
      { name: "status", type: "text", values: [...statuses], hasDefault: true },
    ],
    ownerColumn: { name: "user_id", byUser: byId },
    parent: undefined,
    keys: ["1", "2"],
    expressions: [],
  };
}

const extras: readonly (Omit<RandomColumn, "name"> & { readonly rules: readonly string[] })[] = [
  {
    type: "text",
    values: ["a", "b", "c"],
    rules: ["", "not null default 'n'", "check (% <> '')", "default 'd'"],
  },
  { type: "int", values: ["1", "2", "77"], rules: ["", "check (% > 0)", "default 5 not null", "unique"] },
  { type: "numeric(8,2)", values: ["1.50", "3.00"], rules: ["", "check (% >= 1)"] },
  { type: "boolean", values: ["true", "false"], rules: ["", "not null default false"] },
  { type: "date", values: ["2026-01-01", "2026-02-02"], rules: ["", "check (% > '2000-01-01')"] },
  { type: "jsonb", values: ['{"a": 1}', "{}"], rules: ["", "check (jsonb_typeof(%) = 'object')"] },
  { type: "text[]", values: ["{a}", "{}"], rules: ["", "not null default '{}'"] },
];

function randomTable(
  random: Random,
  name: string,
  before: readonly Draft[],
  hasProfiles: boolean,
  statements: string[],
): Draft {
  const parents = before.filter((each) => each.name !== "profiles");
  const whose = pick<Whose>(random, [
    "column",
    "column",
    "column",
    ...(hasProfiles ? (["profile", "profile"] as const) : []),
    ...(parents.length > 0 ? (["parent", "parent"] as const) : []),
    "none",
  ]);
  const hasParent = parents.length > 0 && (whose === "parent" || random() < 0.25) && whose !== "none";
  const parent = hasParent ? pick(random, parents) : undefined;
  const isNullable = random() < 0.5;
  const uuidKey = random() < 0.3;
  const idKind = uuidKey
    ? "uuid primary key default gen_random_uuid()"
    : pick(random, [
        "int primary key",
        "bigint generated by default as identity primary key",
        "bigint generated always as identity primary key",
      ]);
  const keyAt = (at: number) =>
    uuidKey ? `aaaaaaaa-0000-4000-8000-${String(at).padStart(12, "0")}` : String(at);
  const rowCount = random() < 0.1 ? 0 : random() < 0.15 ? 16 : 3 + Math.floor(random() * 6);
  const keys = Array.from({ length: rowCount }, (_, at) => keyAt(at + 1));
  const columns: RandomColumn[] = [
    {
      name: "id",
      type: uuidKey ? "uuid" : "bigint",
      values: [...keys.slice(0, 2), keyAt(91)],
      isNotNull: true,
      isIdentityAlways: idKind.includes("always"),
      hasDefault: uuidKey,
    },
  ];
  const definitions = [`id ${idKind}`];
  let ownerColumn: Draft["ownerColumn"];
  if (whose === "column" || whose === "profile") {
    const isProfile = whose === "profile";
    const ownerName = pick(random, isProfile ? ["profile_id", "sales_id"] : ["owner", "user_id"]);
    const byUser: Record<string, string> = isProfile ? byProfile : byId;
    ownerColumn = { name: ownerName, byUser };
    const type = isProfile ? "bigint" : "uuid";
    columns.push({ name: ownerName, type, values: Object.values(byUser), isNotNull: !isNullable });
    definitions.push(
      `${ownerName} ${type} ${isNullable ? "" : "not null"} references ${isProfile ? "profiles" : "auth.users"}`,
    );
  }
  if (parent) {
    const type = parent.columns[0]?.type ?? "bigint";
    const wide = parent.columns[0]?.isIdentityAlways || type === "uuid" ? type : "int8";
    columns.push({ name: "parent_id", type, values: parent.keys, isNotNull: !isNullable });
    definitions.push(`parent_id ${wide} ${isNullable ? "" : "not null"} references ${parent.name}`);
  }
  const statusRule = pick(random, ["", "not null", "default 'x'", "check (status in ('x', 'y', 'z'))"]);
  columns.push({
    name: "status",
    type: "text",
    values: [...statuses],
    isNotNull: statusRule === "not null",
    hasDefault: statusRule.includes("default"),
  });
  definitions.push(`status text ${statusRule}`);
  for (const [at, extra] of extras.entries()) {
    if (random() >= 0.3) continue;
    const rule = pick(random, extra.rules);
    columns.push({
      ...extra,
      name: `c${at}`,
      hasDefault: rule.includes("default"),
      isNotNull: rule.includes("not null"),
    });
    definitions.push(`c${at} ${extra.type} ${rule.replaceAll("%", `c${at}`)}`);
  }
  if (ownerColumn && random() < 0.2 && rowCount < 10) definitions.push(`unique (${ownerColumn.name}, id)`);
  statements.push(`create table ${name} (${definitions.join(", ")})`);
  const parentKeys = parent?.keys ?? [];
  const rows = parent && parentKeys.length === 0 && !isNullable ? [] : keys;
  for (const [at, key] of rows.entries()) {
    const values = columns.map((column) => {
      if (column.name === "id") return quoted(key);
      const mayBeNull = isNullable && (column.name === "parent_id" || column.name === ownerColumn?.name);
      if (mayBeNull && random() < 0.3) return "null";
      if (column.name === "parent_id")
        return parentKeys.length === 0 ? "null" : quoted(pick(random, parentKeys));
      if (column.type === "int") return String(at + 1);
      return quoted(pick(random, column.values));
    });
    statements.push(
      `insert into ${name} (${columns.map((column) => column.name).join(", ")}) overriding system value values (${values.join(", ")})`,
    );
  }
  return { name, whose, columns, ownerColumn, parent, keys: rows, expressions: [] };
}

function grantsOf(random: Random, { name, columns }: Draft): string[] {
  return roles.flatMap((role) => {
    if (random() < (role === "anon" ? 0.3 : 0.5)) return [`grant all on ${name} to ${role}`];
    return commands.flatMap((command) => {
      const kind = random();
      if (kind < 0.2) return [];
      if (kind < 0.75 || command === "delete") return [`grant ${command} on ${name} to ${role}`];
      const some = columns.filter(() => random() < 0.7).map((column) => column.name);
      return some.length === 0 ? [] : [`grant ${command} (${some.join(", ")}) on ${name} to ${role}`];
    });
  });
}

function policiesOf(random: Random, table: Draft): string[] {
  const { name } = table;
  const kind = random();
  const statements = kind < 0.12 ? [] : [`alter table ${name} enable row level security`];
  if (random() < 0.15) statements.push(`alter table ${name} force row level security`);
  const count = Math.floor(random() * 5) + (random() < 0.9 ? 1 : 0);
  for (let at = 0; at < count; at++) {
    const command = pick(random, [...commands, "all", "all"] as const);
    const to = pick(random, ["public", "authenticated", "authenticated", "anon", "anon, authenticated"]);
    const using = expressionOf(random, table);
    const check = random() < 0.45 ? expressionOf(random, table) : undefined;
    const parts = [
      command === "insert" ? "" : `using (${using})`,
      command === "insert"
        ? `with check (${using})`
        : check !== undefined && (command === "update" || command === "all")
          ? `with check (${check})`
          : "",
    ];
    statements.push(
      `create policy p${at} on ${name} as ${random() < 0.82 ? "permissive" : "restrictive"} for ${command} to ${to} ${parts.join(" ")}`,
    );
    table.expressions.push(parts.join(" "));
  }
  return statements;
}

function expressionOf(random: Random, table: Draft, depth = 0): string {
  const { name, ownerColumn, whose, parent } = table;
  const choices: string[] = ["true", `${name}.status = '${pick(random, statuses)}'`];
  if (random() < 0.3) choices.push("false");
  choices.push("((select auth.jwt()) -> 'app_metadata' ->> 'role') = 'manager'");
  if (ownerColumn) {
    const column = `${name}.${ownerColumn.name}`;
    const isMine =
      whose === "profile"
        ? `${column} in (select id from profiles where user_id = ${pick(random, me)})`
        : `${column} = ${pick(random, me)}`;
    choices.push(isMine, isMine, isMine, `${isMine} and ${name}.status in ('x', 'y')`, `${column} is null`);
  }
  if (parent) {
    const condition = parent.ownerColumn
      ? parent.whose === "profile"
        ? ` and p.${parent.ownerColumn.name} in (select id from profiles where user_id = (select auth.uid()))`
        : ` and p.${parent.ownerColumn.name} = (select auth.uid())`
      : random() < 0.5
        ? " and p.status = 'x'"
        : "";
    const exists = `exists (select from ${parent.name} p where p.id = ${name}.parent_id${condition})`;
    choices.push(exists, exists);
  }
  const chosen = pick(random, choices);
  if (depth > 0 || random() < 0.8) return chosen;
  return `(${chosen}) ${pick(random, ["or", "and"])} (${expressionOf(random, table, 1)})`;
}

function triggersOf(random: Random, { name, ownerColumn }: Draft): string[] {
  if (random() >= 0.25) return [];
  const kept = pick(random, ["status", ...(ownerColumn ? [ownerColumn.name] : [])]);
  const [event, body] = pick(random, [
    ["update", `new.${kept} := old.${kept}; return new;`],
    [
      "update",
      "if new.status is distinct from old.status then raise exception 'the status stays'; end if; return new;",
    ],
    ["update", "if old.status = 'z' then return null; end if; return new;"],
    ["delete", "if old.status = 'z' then return null; end if; return old;"],
    ["delete", "if old.status = 'y' then raise exception 'y stays'; end if; return old;"],
    ["insert", "if new.status = 'z' then raise exception 'no z'; end if; return new;"],
    ...(ownerColumn && ownerColumn.byUser[ada] === ada
      ? [["insert", `new.${ownerColumn.name} := auth.uid(); return new;`] as const]
      : []),
  ] as const);
  return [
    `create function guard_${name}() returns trigger language plpgsql as $f$ begin ${body} end $f$`,
    `create trigger guard before ${event} on ${name} for each row execute function guard_${name}()`,
  ];
}

function reads(table: Draft, column: string): boolean {
  return table.expressions.some((expression) => expression.includes(`${table.name}.${column}`));
}

/** Whose row `alias` is: its own column says so, unless the policies go by the parent alone. */
function ownerOf(table: Draft, alias: string, depth = 0): string | undefined {
  const { ownerColumn, parent, whose } = table;
  const byParent = () => {
    const inner = parent && ownerOf(parent, `o${depth}`, depth + 1);
    return (
      parent &&
      inner &&
      `(select ${inner} from ${parent.name} o${depth} where o${depth}.id = ${alias}.parent_id)`
    );
  };
  if (!ownerColumn || !decidesByColumn(table)) return byParent();
  return whose === "profile"
    ? `(select user_id::text from profiles u where u.id = ${alias}.${ownerColumn.name})`
    : `${alias}.${ownerColumn.name}::text`;
}

function decidesByColumn(table: Draft): boolean {
  const { ownerColumn, parent } = table;
  if (!ownerColumn) return false;
  const hasWay = parent !== undefined && reads(table, "parent_id") && ownerOf(parent, "p") !== undefined;
  return reads(table, ownerColumn.name) || !hasWay;
}

function relationOf(table: Draft): RandomRelation {
  const { name, columns, ownerColumn } = table;
  return {
    name,
    base: name,
    isView: false,
    columns,
    owner: ownerOf(table, "t"),
    ownerColumn: decidesByColumn(table) ? ownerColumn : undefined,
    deciding: decidingOf(table),
  };
}

function decidingOf(table: Draft): string[] {
  return ["status", "parent_id", ...(table.ownerColumn ? [table.ownerColumn.name] : [])].filter(
    (name) => table.columns.some((column) => column.name === name) && reads(table, name),
  );
}

function viewOf(random: Random, table: Draft, statements: string[]): RandomRelation {
  const name = `v_${table.name}`;
  const shown = table.columns.filter(() => random() < 0.8);
  const columns = shown.length === 0 ? table.columns : shown;
  const where = random() < 0.3 ? ` where status <> '${pick(random, statuses)}'` : "";
  const options = random() < 0.5 ? " with (security_invoker = on)" : "";
  const checked = where !== "" && random() < 0.5 ? " with check option" : "";
  statements.push(
    `create view ${name}${options} as select ${columns.map((column) => column.name).join(", ")} from ${table.name}${where}${checked}`,
    `revoke all on ${name} from anon, authenticated, service_role`,
    ...grantsOf(random, { ...table, name, columns }),
  );
  const relation = relationOf(table);
  const names = columns.map((column) => column.name);
  const showsOwner = relation.ownerColumn !== undefined && names.includes(relation.ownerColumn.name);
  return {
    ...relation,
    name,
    isView: true,
    columns,
    owner: showsOwner ? relation.owner : undefined,
    ownerColumn: showsOwner ? relation.ownerColumn : undefined,
    deciding: relation.deciding.filter((column) => names.includes(column)),
  };
}
