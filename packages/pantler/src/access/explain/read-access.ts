import { sqlName } from "../../copy/index.js";
import { grouped, messageOf } from "../../operation/index.js";
import { type Client, sqlstateOf, sqlstates } from "../../postgres/index.js";
import { callerConstants, filterOf, withConstants } from "./filter.js";
import type { KnownAccess } from "./known-access.js";
import { costsOf, type PlanCost, readOwnFunctions, worksOutOnce } from "./plan.js";
import { become, measureReading, type Reading, readingTimeout, rolledBack, stepOut } from "./reading.js";

/** How many rows an identity sees. */
export interface RowsSeen {
  /** Undefined where counting took too long. */
  readonly seen: number | undefined;
  /** Undefined also where the connection's role does not see all rows itself. */
  readonly of: number | undefined;
  /** Why a number is missing. */
  readonly note: string | undefined;
}

/** What reading the whole table as the identity took, beside reading it without row security. */
export interface AccessReading {
  /** As the identity, under its policies. */
  readonly withRowSecurity: Reading;
  /** The policies' filter written into the query, with the caller as a constant, by a role that no policy binds. */
  readonly sameRows: Reading | undefined;
  /** Every row, by a role that no policy binds. */
  readonly wholeTable: Reading | undefined;
  /** What row security adds, in milliseconds; undefined where there is nothing to compare with. */
  readonly overhead: number | undefined;
  /** What was compared with what, in words. */
  readonly compared: string;
  readonly costs: readonly PlanCost[];
  /** Whether who is asking is worked out once, before the plan runs. */
  readonly onceForAll: boolean;
}

/** A policy that raises an error, recurses, or needs a right that the identity lacks. */
export interface ReadingFailure {
  readonly sqlstate: string;
  readonly message: string;
  readonly sentence: string;
}

interface ReadAccess {
  readonly rows?: RowsSeen;
  readonly failure?: ReadingFailure;
  readonly reading?: AccessReading;
}

/**
 * Counts and reads a table as an identity, and without row security.
 * @param select what is read, as the identity may
 */
export async function readAccess(client: Client, known: KnownAccess, select: string): Promise<ReadAccess> {
  const all = await attempt(client, async () => await countAll(client, known));
  const seen = await attempt(client, async () => {
    await become(client, known.identity.identity);
    return await count(client, known);
  });
  const of = "value" in all ? all.value : undefined;
  if ("failure" in seen && seen.failure.sqlstate !== sqlstates.queryCanceled)
    return { failure: seen.failure };
  const rows: RowsSeen = {
    seen: "value" in seen ? seen.value : undefined,
    of,
    note: noteOn("value" in seen, "value" in all ? of !== undefined : undefined),
  };
  const measured = await attempt(client, async () => {
    await become(client, known.identity.identity);
    return await measureReading(client, select);
  });
  if ("failure" in measured) return { rows, failure: measured.failure };
  return { rows, reading: await compare(client, known, select, measured.value) };
}

async function count(client: Client, { table }: KnownAccess): Promise<number> {
  const { rows } = await client.query<{ rows: string }>(`select count(*) as rows from ${sqlName(table)}`);
  return Number(rows[0]?.rows);
}

/** @returns undefined where a policy binds the connection's own role */
async function countAll(client: Client, known: KnownAccess): Promise<number | undefined> {
  const { rows } = await client.query<{ bound: boolean }>("select row_security_active($1::oid) as bound", [
    known.table.oid,
  ]);
  return rows[0]?.bound ? undefined : await count(client, known);
}

function noteOn(isCounted: boolean, isWholeKnown: boolean | undefined): string | undefined {
  const seconds = readingTimeout / 1000;
  if (!isCounted) return `Counting the rows as the identity took more than ${seconds} seconds.`;
  if (isWholeKnown === undefined) return "How many rows there are in all could not be counted.";
  if (!isWholeKnown)
    return "How many rows there are in all is not known: row security binds this connection's role.";
  return undefined;
}

async function compare(
  client: Client,
  known: KnownAccess,
  select: string,
  withRowSecurity: Reading,
): Promise<AccessReading> {
  const [rules] = known.commands;
  const isFiltered = rules?.outcome === "by policies";
  const whole = await attempt(client, async () => await measureUnbound(client, known, select));
  const same =
    rules && isFiltered
      ? await attempt(client, async () => {
          const filter = withConstants(filterOf(rules), callerConstants(known.asked.claims));
          return await measureUnbound(client, known, `${select} where ${filter}`);
        })
      : undefined;
  const wholeTable = "value" in whole ? whole.value : undefined;
  const written = same && "value" in same ? same.value : undefined;
  const isSame = written?.rows === withRowSecurity.rows;
  const base = isSame ? written : undefined;
  return {
    withRowSecurity,
    sameRows: base,
    wholeTable,
    overhead: base && withRowSecurity.milliseconds - base.milliseconds,
    compared: comparedWords(isFiltered, base, written, withRowSecurity),
    costs: costsOf(withRowSecurity.plan, await readOwnFunctions(client)),
    onceForAll: worksOutOnce(withRowSecurity.plan),
  };
}

/** Reads as the connection's own role, with the request's claims; undefined where a policy binds that too. */
async function measureUnbound(
  client: Client,
  known: KnownAccess,
  statement: string,
): Promise<Reading | undefined> {
  const { rows } = await client.query<{ bound: boolean }>("select row_security_active($1::oid) as bound", [
    known.table.oid,
  ]);
  if (rows[0]?.bound) return undefined;
  await become(client, known.identity.identity);
  await stepOut(client);
  return await measureReading(client, statement);
}

function comparedWords(
  isFiltered: boolean,
  base: Reading | undefined,
  written: Reading | undefined,
  { rows }: Reading,
): string {
  if (!isFiltered) return "No policy filters what the identity reads, so there is nothing to compare.";
  if (base) {
    return `The same ${grouped(rows)} rows, read by a role that row security does not bind, with the policies' condition in the query and the caller as a constant.`;
  }
  if (written) {
    return `There is no fair comparison: without row security the policies' condition selects ${grouped(written.rows)} rows and not ${grouped(rows)}, since the tables in its sub-queries are under row security too.`;
  }
  return "There is nothing to compare with: this connection's role cannot read the table without row security.";
}

type Attempt<Value> = { readonly value: Value } | { readonly failure: ReadingFailure };

/** Does work in a transaction of its own; an error of the server's own is what came of it. */
async function attempt<Value>(client: Client, work: () => Promise<Value>): Promise<Attempt<Value>> {
  try {
    return { value: await rolledBack(client, readingTimeout, work) };
  } catch (error) {
    const sqlstate = sqlstateOf(error);
    if (sqlstate === undefined) throw error;
    return {
      failure: { sqlstate, message: messageOf(error), sentence: inWords(sqlstate, messageOf(error)) },
    };
  }
}

function inWords(sqlstate: string, message: string): string {
  switch (sqlstate) {
    case sqlstates.infiniteRecursion:
      return `A policy leads back to itself, so that nobody it holds for can read the table: ${message}.`;
    case sqlstates.insufficientPrivilege:
      return `A policy needs a right that the identity lacks: ${message}.`;
    case sqlstates.queryCanceled:
      return `Reading took more than ${readingTimeout / 1000} seconds.`;
    case sqlstates.lockNotAvailable:
      return "Somebody holds a lock on the table; try again in a moment.";
    default:
      return `Reading the table as the identity ends in an error: ${message} (${sqlstate}).`;
  }
}
