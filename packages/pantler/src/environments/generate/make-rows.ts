import { InputError } from "../../operation/index.js";
import type { Catalog, ForeignKey } from "./catalog.js";
import type { ColumnValue, Row, RowContext, SeedUser } from "./definition.js";
import type { Domains } from "./domain-facts.js";
import type { Draw } from "./draw.js";
import { evaluate, unknown } from "./expression.js";
import { isNullable } from "./order.js";
import type { Pool } from "./pools.js";
import { type AutomaticColumn, isSameTable, type KeyPlan, speaksOf, type TablePlan } from "./table-plan.js";
import { makeValue } from "./values.js";

/** What the rows of all tables are made with. */
export interface Making {
  readonly catalog: Catalog;
  readonly draw: Draw;
  readonly now: Date;
  readonly seed: number;
  readonly users: readonly SeedUser[];
  readonly pools: ReadonlyMap<string, Pool>;
  /** The pool of the table that a foreign key refers to. */
  readonly poolOf: (key: ForeignKey) => Pool;
  readonly later: ReadonlySet<ForeignKey>;
  readonly domains: Domains;
  /** How many rows a table is to have for a user, or in all. */
  readonly wanted: (table: string, user: SeedUser | undefined) => number;
}

/** One row, and what only the server can say about it. */
export interface MadeRow {
  readonly row: Row;
  readonly user: SeedUser | undefined;
  readonly index: number;
  attempt: number;
  /** Checks and unique keys that could not be worked out. */
  open: ReadonlySet<string>;
}

/** So often a row is tried before it is given up. */
const patience = 1000;

/** Makes the rows of one table. */
export class RowMaker {
  readonly plan: TablePlan;
  readonly #making: Making;
  readonly #taken = new Map<KeyPlan, Set<string>>();
  readonly #total: number;
  /** Foreign keys that may repeat no parent, alone or together. */
  readonly #numbered = new Map<ForeignKey, number>();

  constructor(plan: TablePlan, making: Making, existing: readonly Row[], total: number) {
    this.plan = plan;
    this.#making = making;
    this.#total = total;
    for (const key of plan.keys) {
      const taken = new Set<string>();
      for (const row of existing) {
        const text = this.#keyText(key, row);
        if (typeof text === "string") taken.add(text);
      }
      this.#taken.set(key, taken);
      const inside = plan.foreignKeys.filter((each) =>
        each.columns.every((column) => key.columns?.includes(column)),
      );
      const covered = new Set(inside.flatMap(({ columns }) => columns));
      if (inside.length === 0 || key.columns?.some((column) => !covered.has(column))) continue;
      for (const [place, each] of inside.entries()) this.#numbered.set(each, place);
    }
  }

  /**
   * Makes a row that satisfies every constraint that can be worked out here.
   * @param fixed values that are given: keys, and those of a listed row
   * @throws InputError `seed-rows-impossible` naming the constraint
   */
  make(made: MadeRow, fixed: Row): void {
    const { plan } = this;
    let refused = "";
    for (; made.attempt < patience; made.attempt += 1) {
      const { attempt, index, user } = made;
      this.#making.draw.begin(`${this.#making.seed} ${plan.name} ${user?.role ?? ""} ${index} ${attempt}`);
      for (const column of Object.keys(made.row)) delete made.row[column];
      Object.assign(made.row, fixed);
      this.#fill(made, fixed);
      const verdict = this.judge(made.row);
      if (typeof verdict === "string") {
        refused = verdict;
        continue;
      }
      made.open = verdict;
      this.#take(made.row, true);
      return;
    }
    throw impossible(plan.name, refused);
  }

  /** Gives up a row that the server refused, so that another can be made in its place. */
  release(row: Row): void {
    this.#take(row, false);
  }

  /** Takes a row's keys, so that no other row gets them. */
  hold(row: Row): void {
    this.#take(row, true);
  }

  /** What a row breaks, by name; else what only the server can say about it. */
  judge(row: Row): string | ReadonlySet<string> {
    const open = new Set<string>();
    for (const { name, node } of this.plan.checks) {
      const verdict = evaluate(node, row);
      if (verdict === false) return name;
      if (verdict === unknown) open.add(name);
    }
    for (const key of this.plan.keys) {
      const text = this.#keyText(key, row);
      if (text === unknown) open.add(key.name);
      else if (typeof text === "string" && this.#taken.get(key)?.has(text)) return key.name;
    }
    return open;
  }

  #take(row: Row, taken: boolean): void {
    for (const [key, texts] of this.#taken) {
      const text = this.#keyText(key, row);
      if (typeof text !== "string") continue;
      if (taken) texts.add(text);
      else texts.delete(text);
    }
  }

  /** A row's key as a text; null where the row is not in the index or equals no other. */
  #keyText(key: KeyPlan, row: Row): string | null | typeof unknown {
    if (key.hasPredicate) {
      const holds = evaluate(key.predicate, row);
      if (holds === unknown) return unknown;
      if (holds !== true) return null;
    }
    const values = key.expressions.map((expression) => evaluate(expression, row));
    if (values.includes(unknown)) return unknown;
    if (key.nullsDistinct && values.includes(null)) return null;
    // A type may take texts for equal that differ in their letters' case.
    return JSON.stringify(values.map((value) => (typeof value === "string" ? value.toLowerCase() : value)));
  }

  #fill(made: MadeRow, fixed: Row): void {
    const { plan } = this;
    const { row, user } = made;
    if (plan.ownerKey && user) Object.assign(row, this.ownerOf(user));
    for (const column of plan.automatic) {
      if (!Object.hasOwn(row, column.facts.name)) row[column.facts.name] = this.#automatic(column, made);
    }
    for (const key of plan.foreignKeys) {
      if (this.#making.later.has(key)) for (const column of key.columns) row[column] ??= null;
      else this.refer(key, made);
    }
    this.declare(made, fixed);
    for (const { column, expression } of plan.derived) {
      const value = evaluate(expression, row);
      if (value !== unknown) row[column] = value;
    }
    for (const { name, expression } of plan.generated) {
      const value = evaluate(expression, row);
      if (value !== unknown) row[name] = value;
    }
  }

  /** Gives a row the values that are declared, save for those that are given. */
  declare(made: MadeRow, fixed: Row): void {
    // Values of its own sequence, so that a row with a key gets the same when it is there already.
    const { draw, seed } = this.#making;
    const attempt = this.plan.seed.key ? "" : ` ${made.attempt}`;
    draw.begin(`${seed} ${this.plan.name} ${made.user?.role ?? ""} ${made.index}${attempt} declared`);
    const context = this.#context(made);
    for (const [column, value] of this.plan.declared) {
      if (!Object.hasOwn(fixed, column)) made.row[column] = valueFor(value, context);
    }
  }

  /** The column that says whose a row is, with its value for a user. */
  ownerOf(user: SeedUser): Row {
    const key = this.plan.ownerKey;
    const [column] = key?.columns ?? [];
    const [reference] = key?.references ?? [];
    if (!key || column === undefined || reference === undefined) return {};
    const value = isLogin(key) ? user.id : this.#making.poolOf(key).of(user.role)[0]?.[reference];
    if (value === undefined) throw noOwner(this.plan.name, key, user);
    return { [column]: value };
  }

  /** Lets a row refer to one that is there, of the same owner where there is such a one. */
  refer(key: ForeignKey, made: MadeRow): void {
    const { draw } = this.#making;
    const { row, user, index, attempt } = made;
    const set = key.columns.flatMap((column, place) => {
      const value = row[column];
      const reference = key.references[place];
      return value === undefined || value === null || reference === undefined
        ? []
        : [[reference, value] as const];
    });
    const nullable = isNullable(this.plan, key);
    const forced = key.columns.every((column) =>
      this.plan.checks.some(({ node }) => isNotNull(node, column)),
    );
    const number = this.#numbered.get(key);
    const setNull = () => {
      for (const column of key.columns) {
        if (this.plan.facts.columns.some(({ name, notNull }) => name === column && !notNull))
          row[column] = null;
      }
    };
    if (nullable && !forced && number === undefined && draw.chance(0.25)) {
      setNull();
      return;
    }
    const pool = this.#making.poolOf(key);
    const where = set.length > 0 ? (Object.fromEntries(set) as Row) : undefined;
    const own = user && number === undefined ? pool.where(where, user.role) : [];
    const candidates = own.length > 0 ? own : pool.where(where, undefined);
    if (candidates.length === 0) {
      if (nullable) {
        setNull();
        return;
      }
      if (isSameTable(key.table, this.plan.facts)) {
        // The first of all refers to itself.
        key.columns.forEach((column, place) => {
          row[column] = row[key.references[place] ?? ""] ?? null;
        });
        return;
      }
      throw noParent(this.plan.name, key);
    }
    if (number !== undefined && nullable && attempt > 500) {
      setNull();
      return;
    }
    const parent =
      number === undefined
        ? draw.pick(candidates)
        : inTurn(candidates, number, index + attempt, draw, attempt);
    key.columns.forEach((column, place) => {
      row[column] = parent?.[key.references[place] ?? ""] ?? null;
    });
  }

  #automatic({ facts, type, hints, constant, isUnique }: AutomaticColumn, made: MadeRow): unknown {
    const { draw, now, catalog, domains } = this.#making;
    const { row, index, attempt } = made;
    const nullable = !facts.notNull && !hints.notNull && !type.notNull;
    const isMoment = ["date", "timestamp", "timestamptz"].includes(type.name);
    if (nullable && isMoment && /^(deleted|archived|removed|disabled)_?(at|on)$/.test(facts.name))
      return null;
    if (constant !== undefined && constant !== null && !isUnique) {
      const varies = type.kind === "e" || hints.choices !== undefined || type.name === "bool";
      if (draw.chance(varies ? 0.4 : attempt === 0 ? 1 : 0.5)) return constant;
    }
    if (nullable && facts.default === null && draw.chance(isUnique ? 0.05 : 0.2)) return null;
    if (facts.name === "updated_at" && typeof row.created_at === "string" && attempt < 10)
      return row.created_at;
    const value = makeValue(
      {
        column: facts.name,
        type,
        modifier: facts.modifier,
        hints,
        types: catalog.types,
        domains,
        isUnique,
        rows: this.#total,
        now,
      },
      draw,
      { index, attempt },
    );
    if (value !== undefined) return value;
    if (nullable) return null;
    throw noValue(this.plan.name, facts.name, type.sql);
  }

  #context(made: MadeRow): RowContext {
    const { draw, now, pools, wanted } = this.#making;
    const { row, user, index } = made;
    const some = (table: string, where: Row | undefined, owner: string | undefined) => {
      const rows = poolNamed(pools, table).where(where, owner);
      return rows.length === 0 ? undefined : draw.pick(rows);
    };
    return {
      faker: draw.faker,
      index,
      user,
      row,
      now,
      days: (count) => new Date(now.getTime() + count * 86_400_000),
      any: (table, where) => some(table, where, undefined),
      own: (table, where) => (user ? some(table, where, user.role) : undefined),
      parent: (column) => {
        const key = this.plan.facts.foreignKeys.find(({ columns }) => columns.includes(column));
        const reference = key?.references[key.columns.indexOf(column)];
        if (!key || reference === undefined || row[column] === null) return undefined;
        return this.#making.poolOf(key).find(reference, row[column]);
      },
      count: (table) => wanted(table, user),
    };
  }
}

/** Whether a foreign key refers to the users of the auth server. */
export function isLogin({ table }: ForeignKey): boolean {
  return table.schema === "auth" && table.name === "users";
}

function poolNamed(pools: ReadonlyMap<string, Pool>, table: string): Pool {
  const pool = pools.get(table);
  if (pool) return pool;
  throw new InputError({
    code: "seed-table-missing",
    message: `The seed definition asks for rows of ${table}, which it does not declare.`,
    state: "Nothing was kept.",
    remedy: "Declare the table, with rows: 0 if none are to be made.",
  });
}

function valueFor(value: ColumnValue, context: RowContext): unknown {
  const made: unknown = typeof value === "function" ? value(context) : value;
  if (made instanceof Date) return made.toISOString();
  return made === undefined ? null : made;
}

/** One after the other first, then at random, so that pairs that are left are found in the end. */
function inTurn(
  candidates: readonly Row[],
  number: number,
  turn: number,
  draw: Draw,
  attempt: number,
): Row | undefined {
  if (attempt > 0 && attempt < 200) return draw.pick(candidates);
  return candidates[
    (number === 0 ? turn : Math.floor(turn / candidates.length) + turn * number) % candidates.length
  ];
}

function isNotNull(node: TablePlan["checks"][number]["node"], column: string): boolean {
  return (
    node !== undefined &&
    "NullTest" in node &&
    node.NullTest.nulltesttype === "IS_NOT_NULL" &&
    speaksOf(node.NullTest.arg, column)
  );
}

/** The error of rows that no attempt made. */
export function impossible(table: string, constraint: string): InputError {
  return new InputError({
    code: "seed-rows-impossible",
    message: `No row for ${table} was found that satisfies ${constraint}.`,
    state: "Nothing was kept.",
    remedy: `Declare the columns it is about: tables: { "${table}": { columns: { … } } }, or ask for fewer rows.`,
  });
}

function noParent(table: string, key: ForeignKey): InputError {
  return new InputError({
    code: "seed-parent-missing",
    message: `${table} needs a row of ${key.table.schema}.${key.table.name} to refer to (${key.name}), and there is none.`,
    state: "Nothing was kept.",
    remedy: `Declare ${key.table.name} in the seed definition as well.`,
  });
}

function noOwner(table: string, key: ForeignKey, user: SeedUser): InputError {
  return new InputError({
    code: "seed-owner-missing",
    message: `The ${user.role} has no row in ${key.table.schema}.${key.table.name} that ${table}.${key.columns.join(", ")} could name.`,
    state: "Nothing was kept.",
    remedy: `Declare ${key.table.name} with an owner.`,
  });
}

function noValue(table: string, column: string, type: string): InputError {
  return new InputError({
    code: "seed-value-unknown",
    message: `Nothing is known of how to make a value of the type ${type}, which ${table}.${column} needs.`,
    state: "Nothing was kept.",
    remedy: `Declare it: tables: { "${table}": { columns: { "${column}": … } } }`,
  });
}
