import { copyIn, sqlName } from "../../copy/index.js";
import { InputError } from "../../operation/index.js";
import { type Client, loadParser, quoteIdentifier } from "../../postgres/index.js";
import { type Catalog, type ForeignKey, readCatalog } from "./catalog.js";
import { copyText, textOf } from "./copy-text.js";
import { type Row, type SeedDefinition, type SeedUser, usualNow } from "./definition.js";
import { readDomains } from "./domains.js";
import { createDraw } from "./draw.js";
import type { GeneratedTable, GenerateRequest } from "./generation.js";
import { updateKeyed } from "./keyed-rows.js";
import { impossible, isLogin, type MadeRow, type Making, RowMaker } from "./make-rows.js";
import { isNullable, type Order, orderTables } from "./order.js";
import { Pool, readReferenced, readRows } from "./pools.js";
import { judgeOnServer } from "./server-check.js";
import { isSameTable, planTable, type TablePlan } from "./table-plan.js";

/** The rows of one table that are to be written. */
interface MadeTable {
  readonly plan: TablePlan;
  readonly maker: RowMaker;
  readonly added: readonly MadeRow[];
  readonly kept: readonly Row[];
}

/** Server-judged rows are replaced so often before they are given up. */
const rounds = 60;

/** What `generateRows` says it does. */
export async function addRows(client: Client, request: GenerateRequest): Promise<GeneratedTable[]> {
  const { definition, users } = request;
  await loadParser();
  await client.query(
    "set local datestyle = 'ISO, YMD'; set local timezone = 'UTC'; set local row_security = off; set local bytea_output = 'hex'; set local intervalstyle = 'postgres'",
  );
  const now = momentOf(definition);
  const wanted = wantedRows(request);
  const names = Object.keys(definition.tables);
  const catalog = await readCatalog(client, names);
  const draw = await createDraw(now);
  const most = Math.max(0, ...names.map((name) => totalOf(wanted, name, definition, users)));
  const domains = await readDomains(client, catalog, draw, now, Math.min(20_000, Math.max(500, most * 3)));
  const plans = names.map((name) => planTable(name, definition.tables[name] ?? { rows: 0 }, catalog));
  const order = orderTables(plans);
  const { pools, poolOf } = await readPools(client, order, catalog, users);
  const making: Making = {
    catalog,
    draw,
    now,
    users,
    pools,
    poolOf,
    domains,
    wanted,
    seed: definition.seed ?? 0,
    later: order.later,
  };
  const made: MadeTable[] = [];
  for (const plan of order.tables) made.push(await makeTable(client, plan, making));
  fillLater(made, making);
  return await writeTables(client, made, making);
}

function momentOf({ now = usualNow }: SeedDefinition): Date {
  const moment = new Date(now);
  if (!Number.isNaN(moment.getTime())) return moment;
  throw new InputError({
    code: "seed-moment-unclear",
    message: `The seed definition's now is no moment in ISO 8601: ${now}.`,
    state: "Nothing was done.",
    remedy: `Write it as ${usualNow}.`,
  });
}

function wantedRows({ definition, scale = 1 }: GenerateRequest): Making["wanted"] {
  return (table, user) => {
    const { rows = 0, growth = 1, key } = definition.tables[table] ?? {};
    if (isList(rows)) return rows.length;
    const least = typeof rows === "number" ? rows : user ? (rows[user.role] ?? 0) : 0;
    return key ? least : Math.round(least * (1 + (scale - 1) * growth));
  };
}

function isList(rows: SeedDefinition["tables"][string]["rows"]): rows is readonly Row[] {
  return Array.isArray(rows);
}

/** For whom a table's rows are made: for each user, or for nobody in particular. */
function groupsOf(
  name: string,
  definition: SeedDefinition,
  users: readonly SeedUser[],
): (SeedUser | undefined)[] {
  const { rows = 0, owner } = definition.tables[name] ?? {};
  const perUser = !isList(rows) && typeof rows === "object";
  return perUser || owner !== undefined ? [...users] : [undefined];
}

function totalOf(
  wanted: Making["wanted"],
  name: string,
  definition: SeedDefinition,
  users: readonly SeedUser[],
): number {
  return groupsOf(name, definition, users).reduce((sum, user) => sum + wanted(name, user), 0);
}

interface Pools {
  readonly pools: Map<string, Pool>;
  readonly poolOf: (key: ForeignKey) => Pool;
}

/** Reads what is there: the rows of declared tables with their owners, and what foreign keys need of others. */
async function readPools(
  client: Client,
  order: Order,
  catalog: Catalog,
  users: readonly SeedUser[],
): Promise<Pools> {
  const pools = new Map<string, Pool>();
  const others = new Map<string, Pool>();
  const owners = new WeakMap<Row, string>();
  const poolOf = (key: ForeignKey) => {
    const plan = order.tables.find(({ facts }) => isSameTable(facts, key.table));
    const pool = plan ? pools.get(plan.name) : others.get(otherName(key));
    if (!pool) throw new Error(`the rows of ${sqlName(key.table)} were not read`);
    return pool;
  };
  for (const plan of order.tables) pools.set(plan.name, new Pool());
  for (const plan of order.tables) {
    for (const key of [...plan.facts.foreignKeys]) {
      const isDeclared = order.tables.some(({ facts }) => isSameTable(facts, key.table));
      const isUsed = plan.foreignKeys.includes(key) || key === plan.ownerKey;
      if (isDeclared || !isUsed || others.has(otherName(key))) continue;
      const pool = new Pool();
      others.set(otherName(key), pool);
      if (isLogin(key)) for (const user of users) pool.add({ id: user.id, email: user.email }, user.role);
      else
        for (const row of await readReferenced(client, key.table, key.references)) pool.add(row, undefined);
    }
    const pool = pools.get(plan.name);
    for (const row of await readRows(client, plan.facts, catalog)) {
      const owner = plan.ownerKey && ownerOfRow(row, plan.ownerKey, users, poolOf, owners);
      if (owner !== undefined) owners.set(row, owner);
      pool?.add(row, owner);
    }
  }
  return { pools, poolOf };
}

function otherName(key: ForeignKey): string {
  return `${sqlName(key.table)} ${key.references.join(" ")}`;
}

function ownerOfRow(
  row: Row,
  key: ForeignKey,
  users: readonly SeedUser[],
  poolOf: Pools["poolOf"],
  owners: WeakMap<Row, string>,
): string | undefined {
  const [column = ""] = key.columns;
  if (isLogin(key)) return users.find(({ id }) => id === row[column])?.role;
  const parent = poolOf(key).find(key.references[0] ?? "", row[column]);
  return parent && owners.get(parent);
}

async function makeTable(client: Client, plan: TablePlan, making: Making): Promise<MadeTable> {
  const { pools, users, wanted } = making;
  const pool = pools.get(plan.name) ?? new Pool();
  const definition = { tables: { [plan.name]: plan.seed } };
  const groups = groupsOf(plan.name, definition, users);
  const maker = new RowMaker(plan, making, pool.rows, totalOf(wanted, plan.name, definition, users));
  const added: { readonly made: MadeRow; readonly fixed: Row }[] = [];
  const kept: Row[] = [];
  for (const user of groups) {
    const there = user && plan.ownerKey ? pool.of(user.role).length : pool.rows.length;
    for (let index = plan.seed.key ? 0 : there; index < wanted(plan.name, user); index += 1) {
      const listed = isList(plan.seed.rows) ? (plan.seed.rows[index] ?? {}) : {};
      const made: MadeRow = { row: {}, user, index, attempt: 0, open: new Set() };
      const found =
        plan.seed.key && findKeyed(plan, pool, { ...listed, ...(user ? maker.ownerOf(user) : {}) });
      if (found) {
        Object.assign(made.row, found, listed);
        maker.declare(made, listed);
        Object.assign(found, made.row);
        kept.push(found);
      } else added.push({ made, fixed: { ...listed } });
    }
  }
  await drawKeys(
    client,
    plan,
    added.map(({ fixed }) => fixed),
  );
  for (const { made, fixed } of added) {
    maker.make(made, fixed);
    pool.add(made.row, made.user && plan.ownerKey ? made.user.role : undefined);
  }
  await replaceRefused(client, plan, maker, making, added);
  return { plan, maker, added: added.map(({ made }) => made), kept };
}

function findKeyed(plan: TablePlan, pool: Pool, known: Row): Row | undefined {
  const key = plan.seed.key ?? [];
  const unknown = key.filter((column) => known[column] === undefined);
  if (unknown.length > 0) {
    throw new InputError({
      code: "seed-key-unclear",
      message: `The key of ${plan.name} is not known before its rows are made: ${unknown.join(", ")}.`,
      state: "Nothing was done.",
      remedy: "List the rows with their keys, or take the owner's column.",
    });
  }
  const values = Object.fromEntries(key.map((column) => [column, known[column]]));
  return pool.where(values, undefined)[0];
}

/** Takes as many values from the sequences as there are rows. */
async function drawKeys(client: Client, plan: TablePlan, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0) return;
  for (const column of plan.sequences) {
    const { rows: drawn } = await client.query<{ value: string }>(
      "select nextval($1::regclass)::text as value from generate_series(1, $2::int)",
      [column.sequence, rows.length],
    );
    rows.forEach((row, index) => {
      const value = drawn[index]?.value ?? "";
      if (!Object.hasOwn(row, column.name)) {
        row[column.name] = Number.isSafeInteger(Number(value)) ? Number(value) : value;
      }
    });
  }
}

/** Has the server judge what could not be worked out, and makes others for the rows that it refuses. */
async function replaceRefused(
  client: Client,
  plan: TablePlan,
  maker: RowMaker,
  { catalog }: Making,
  added: readonly { readonly made: MadeRow; readonly fixed: Row }[],
): Promise<void> {
  let refused = new Map<number, string>();
  for (let round = 0; round < rounds; round += 1) {
    const open = new Set(added.flatMap(({ made }) => [...made.open]));
    if (open.size === 0) return;
    const rows = added.map(({ made }) => made.row);
    refused = await judgeOnServer(client, plan, catalog, rows, open);
    if (refused.size === 0) return;
    for (const [index, broken] of refused) {
      const each = added[index];
      if (!each) continue;
      maker.release(each.made.row);
      each.made.attempt += 1;
      maker.make(each.made, { ...each.fixed, ...referredTo(plan, each.made.row, broken) });
    }
  }
  throw impossible(plan.name, [...new Set(refused.values())].join(", "));
}

/** What other rows of the same table refer to it by, which stays unless it was what the server refused. */
function referredTo(plan: TablePlan, row: Row, broken: string): Row {
  const keys = plan.foreignKeys.filter(({ table }) => isSameTable(table, plan.facts));
  if (plan.keys.some(({ name }) => name === broken)) return {};
  return Object.fromEntries(
    keys.flatMap(({ references }) => references.map((column) => [column, row[column]])),
  );
}

/** Fills in the foreign keys that had to wait until the rows they refer to were made. */
function fillLater(made: readonly MadeTable[], { later, draw, seed }: Making): void {
  for (const { plan, maker, added } of made) {
    for (const key of plan.foreignKeys.filter((each) => later.has(each))) {
      for (const each of added) {
        const before = { ...each.row };
        maker.release(each.row);
        for (let attempt = 0; attempt < 100; attempt += 1) {
          draw.begin(`${seed} ${plan.name} ${key.name} ${each.user?.role ?? ""} ${each.index} ${attempt}`);
          for (const column of key.columns) each.row[column] = null;
          maker.refer(key, each);
          if (typeof maker.judge(each.row) !== "string") break;
          Object.assign(each.row, before);
        }
        maker.hold(each.row);
      }
    }
  }
}

async function writeTables(
  client: Client,
  made: readonly MadeTable[],
  making: Making,
): Promise<GeneratedTable[]> {
  const { catalog, later, pools, users } = making;
  if (later.size > 0) await client.query("set constraints all deferred");
  const written: GeneratedTable[] = [];
  for (const { plan, added, kept } of made) {
    const waiting = plan.foreignKeys.filter(
      (key) => later.has(key) && !key.deferrable && isNullable(plan, key),
    );
    const empty = Object.fromEntries(
      waiting.flatMap(({ columns }) => columns.map((column) => [column, null])),
    );
    const rows = added.map(({ row }) => (waiting.length > 0 ? { ...row, ...empty } : row));
    if (rows.length > 0) {
      const columns = plan.written.map(({ name }) => name);
      await copyIn(client, plan.facts, columns, copyText(rows, plan.written, catalog.types));
    }
    const listed = isList(plan.seed.rows) ? plan.seed.rows.flatMap((row) => Object.keys(row)) : [];
    const spoken = new Set([...listed, ...plan.declared.map(([column]) => column)]);
    const changed = await updateKeyed(client, plan, catalog, kept, spoken);
    const pool = pools.get(plan.name);
    const total = plan.ownerKey
      ? users.reduce((sum, { role }) => sum + (pool?.of(role).length ?? 0), 0)
      : pool?.rows.length;
    written.push({ table: plan.name, added: rows.length, changed, rows: total ?? 0 });
  }
  for (const { plan, added } of made) {
    const waiting = plan.foreignKeys.filter((key) => later.has(key) && !key.deferrable);
    if (waiting.length > 0) await writeLater(client, plan, waiting, added, catalog);
  }
  if (later.size > 0) await client.query("set constraints all immediate");
  return written;
}

/** Writes the foreign keys that were null at first. A table without a primary key keeps them null. */
async function writeLater(
  client: Client,
  plan: TablePlan,
  keys: readonly ForeignKey[],
  added: readonly MadeRow[],
  { types }: Catalog,
): Promise<void> {
  const { primaryKey, columns } = plan.facts;
  const set = columns.filter(({ name }) => keys.some((key) => key.columns.includes(name)));
  const where = columns.filter(({ name }) => primaryKey.includes(name));
  if (where.length === 0) return;
  const all = [...where, ...set];
  const texts = all.map((column) =>
    added.map(({ row }) => {
      const type = types.get(column.type);
      return type ? textOf(row[column.name], type, types) : null;
    }),
  );
  const given = all.map((column, index) => `value_${index}::${types.get(column.type)?.sql ?? "text"}`);
  await client.query(
    `update ${sqlName(plan.facts)} as target
    set ${set.map((column, index) => `${quoteIdentifier(column.name)} = ${given[where.length + index]}`).join(", ")}
    from unnest(${all.map((_column, index) => `$${index + 1}::text[]`).join(", ")}) as given (${all.map((_column, index) => `value_${index}`).join(", ")})
    where ${where.map((column, index) => `target.${quoteIdentifier(column.name)} = ${given[index]}`).join(" and ")}`,
    texts,
  );
}
