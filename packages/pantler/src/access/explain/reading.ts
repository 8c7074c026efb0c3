import { EnvironmentError, messageOf } from "../../operation/index.js";
import { actAs, type Client, type Identity, sqlstateOf, sqlstates } from "../../postgres/index.js";
import type { PlanNode } from "./plan.js";

/** How long reading for an explanation may take before it is broken off, in milliseconds. */
export const readingTimeout = 30_000;

/** How long it waits for a lock: never longer than a writer would notice, in milliseconds. */
const lockTimeout = 200;

/** So often a statement is run, unless one run takes longer than `patience` milliseconds. */
const usualRuns = 5;
const patience = 2000;

/** A statement that was run, without sending its rows. */
export interface Reading {
  /** The median of planning and running, by the server's clock. */
  readonly milliseconds: number;
  readonly runs: number;
  readonly rows: number;
  readonly plan: PlanNode;
}

/** Who a request is to the server. */
export interface Request {
  readonly role: string;
  /** The claims as JSON text; empty where there are none. */
  readonly claims: string;
}

/**
 * Runs work in a transaction that is rolled back whatever it does.
 * @param timeout how long a statement may take, in milliseconds
 */
export async function rolledBack<Result>(
  client: Client,
  timeout: number,
  work: () => Promise<Result>,
): Promise<Result> {
  await client.query(
    `begin; set local statement_timeout = ${timeout}; set local lock_timeout = ${lockTimeout}; set local jit = off`,
  );
  try {
    return await work();
  } finally {
    await client.query("rollback");
  }
}

/**
 * Becomes an identity for the rest of the transaction.
 * @throws EnvironmentError `role-refused` when the connection's role may not become it
 */
export async function become(client: Client, identity: Identity): Promise<Request> {
  try {
    await actAs(client, identity);
  } catch (error) {
    if (sqlstateOf(error) !== sqlstates.insufficientPrivilege) throw error;
    throw new EnvironmentError({
      code: "role-refused",
      message: `The role of this connection may not act as another: ${messageOf(error)}.`,
      state: "Nothing was done.",
      remedy: "Have the owner of the roles run: grant anon, authenticated, service_role to <the role>",
      sqlstate: sqlstates.insufficientPrivilege,
      cause: error,
    });
  }
  const { rows } = await client.query<Request>(
    "select current_user::text as role, coalesce(current_setting('request.jwt.claims', true), '') as claims",
  );
  const [request] = rows;
  if (!request) throw new Error("a query without a table gives one row");
  return request;
}

/** Goes back to the connection's own role, and keeps the request's claims. */
export async function stepOut(client: Client): Promise<void> {
  await client.query("set local role none");
}

/** Runs a statement several times under `explain (analyze)`, as whoever the transaction is. */
export async function measureReading(client: Client, statement: string): Promise<Reading> {
  const times: number[] = [];
  let plan: PlanNode | undefined;
  for (let run = 0; run <= usualRuns; run += 1) {
    const { rows } = await client.query<{ "QUERY PLAN": ExplainedStatement[] }>(
      `explain (analyze, buffers, verbose, timing off, format json) ${statement}`,
    );
    const found = rows[0]?.["QUERY PLAN"][0];
    if (!found) throw new Error("explain gave no plan");
    plan = withoutOutput(found.Plan);
    const taken = found["Planning Time"] + found["Execution Time"];
    // The first one also reads what the others find in memory.
    if (run > 0 || taken > patience) times.push(taken);
    if (taken > patience) break;
  }
  if (!plan) throw new Error("explain gave no plan");
  return { milliseconds: median(times), runs: times.length, rows: Math.round(rowsOf(plan)), plan };
}

interface ExplainedStatement {
  readonly Plan: PlanNode;
  readonly "Planning Time": number;
  readonly "Execution Time": number;
}

function rowsOf(plan: PlanNode): number {
  return (plan["Actual Rows"] ?? 0) * (plan["Actual Loops"] ?? 1);
}

/** The columns of every node make a plan many times as long and say nothing here. */
function withoutOutput(plan: PlanNode & { readonly Output?: unknown }): PlanNode {
  const { Output: _, ...rest } = plan;
  return rest.Plans ? { ...rest, Plans: rest.Plans.map(withoutOutput) } : rest;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const [lower = 0, upper = 0] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return (lower + upper) / 2;
}
