import {
  type Client,
  classifyStatement,
  isConnectionLoss,
  isOrdinary,
  quoteIdentifier,
  SqlSyntaxProblem,
  type StatementClass,
  sqlstateOf,
  sqlstates,
} from "../../postgres/index.js";
import { type Role, renderRoles } from "../../schema/index.js";

/** A connection to the database in which migrations are built, and what helps where one of them does not run there. */
export interface Builder {
  readonly client: Client;
  /** The bootstrap superuser's connection to the same server. */
  readonly admin: Client;
  readonly role: string;
  readonly superuser: boolean;
  /** Those that exist in the environment: a migration may rely on one that no migration makes. */
  readonly roles: readonly Role[];
  readonly signal: AbortSignal | undefined;
}

/** What a statement failed with that did run in the environment. */
export interface Obstacle {
  /** Its place among the migration's statements, from 1. */
  readonly statement: number;
  readonly message: string;
  readonly sqlstate: string | undefined;
}

interface Piece {
  readonly place: number;
  readonly text: string;
  readonly class: StatementClass;
}

/**
 * Runs the statements of a migration that was applied elsewhere. One that fails here is left out, as far as possible
 * alone: the rest is still worth comparing.
 * @returns what failed
 */
export async function buildMigration(builder: Builder, statements: readonly string[]): Promise<Obstacle[]> {
  const pieces = statements.map((text, index) => ({ place: index + 1, text, class: classOf(text) }));
  const work = pieces.filter(
    ({ class: { node, transaction } }) =>
      node !== "EmptyQuery" && transaction !== "begin" && transaction !== "commit",
  );
  if (work.some(({ class: { need } }) => need !== "any")) return await runOutside(builder, work);
  // A session learns of a new role, or of its own new power, between transactions only: each is tried as a whole.
  const given = new Set<string>();
  try {
    for (;;) {
      const error = await runAsAWhole(builder, work);
      if (error === undefined) return [];
      if (await give(builder, sqlstateOf(error), given)) continue;
      const obstacles = await runWithSavepoints(builder, work, given);
      if (!(await giveAny(builder, obstacles, given))) return obstacles;
    }
  } finally {
    await takeBack(builder, given);
  }
}

/** The server judges what the parser cannot read. */
function classOf(text: string): StatementClass {
  if (isOrdinary(text)) return { node: "Ordinary", need: "any" };
  try {
    return classifyStatement(text);
  } catch (error) {
    if (error instanceof SqlSyntaxProblem) return { node: "Unknown", need: "any" };
    throw error;
  }
}

/** @returns what the first statement to fail failed with; nothing is kept then */
async function runAsAWhole({ client, signal }: Builder, work: readonly Piece[]): Promise<Error | undefined> {
  try {
    await client.query("begin");
    for (const { text } of work) {
      signal?.throwIfAborted();
      await client.query(text);
    }
    await client.query("commit");
    return undefined;
  } catch (error) {
    if (!(error instanceof Error) || isConnectionLoss(error) || signal?.aborted) throw error;
    await client.query("rollback");
    return error;
  }
}

/** Runs each statement so that only it is undone when it fails; all are where what failed could be helped. */
async function runWithSavepoints(
  builder: Builder,
  work: readonly Piece[],
  given: ReadonlySet<string>,
): Promise<Obstacle[]> {
  const { client, signal } = builder;
  const obstacles: Obstacle[] = [];
  await client.query("begin");
  for (const piece of work) {
    await client.query("savepoint pantler_build");
    const error = await attempt(builder, piece);
    if (error !== undefined) {
      await client.query("rollback to savepoint pantler_build");
      obstacles.push(obstacleOf(piece, error));
    }
    await client.query("release savepoint pantler_build");
  }
  if (obstacles.some(({ sqlstate = "" }) => helps.has(sqlstate) && !given.has(sqlstate))) {
    await client.query("rollback");
    return obstacles;
  }
  try {
    await client.query("commit");
  } catch (error) {
    if (!(error instanceof Error) || isConnectionLoss(error) || signal?.aborted) throw error;
    // What waits for the commit, such as a deferred constraint, fails all of it.
    obstacles.push({ statement: work.length, message: error.message, sqlstate: sqlstateOf(error) });
  }
  return obstacles;
}

async function runOutside(builder: Builder, work: readonly Piece[]): Promise<Obstacle[]> {
  const obstacles: Obstacle[] = [];
  for (const piece of work) {
    const given = new Set<string>();
    let error = await attempt(builder, piece);
    while (error !== undefined && (await give(builder, sqlstateOf(error), given))) {
      error = await attempt(builder, piece);
    }
    await takeBack(builder, given);
    if (error !== undefined) obstacles.push(obstacleOf(piece, error));
  }
  return obstacles;
}

/** @returns what the server refused the statement with */
async function attempt({ client, signal }: Builder, { text }: Piece): Promise<Error | undefined> {
  signal?.throwIfAborted();
  try {
    await client.query(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof Error) || isConnectionLoss(error) || signal?.aborted) throw error;
    // Roles are the server's, and an earlier build may have made it.
    return sqlstateOf(error) === sqlstates.duplicateObject && isRole(text) ? undefined : error;
  }
}

function obstacleOf({ place }: Piece, error: Error): Obstacle {
  return { statement: place, message: error.message, sqlstate: sqlstateOf(error) };
}

/** What the environment has and a fresh server has not: its roles, and rights of the deployer. */
const helps: ReadonlySet<string> = new Set([sqlstates.undefinedObject, sqlstates.insufficientPrivilege]);

/** Gives what may be missing, once. @returns whether it is worth another try */
async function give(
  { admin, role, superuser, roles }: Builder,
  sqlstate: string | undefined,
  given: Set<string>,
): Promise<boolean> {
  if (sqlstate === undefined || !helps.has(sqlstate) || given.has(sqlstate)) return false;
  given.add(sqlstate);
  if (sqlstate === sqlstates.undefinedObject) await admin.query(renderRoles(roles));
  else if (!superuser) await admin.query(`alter role ${quoteIdentifier(role)} superuser`);
  return true;
}

async function giveAny(
  builder: Builder,
  obstacles: readonly Obstacle[],
  given: Set<string>,
): Promise<boolean> {
  for (const { sqlstate } of obstacles) {
    if (await give(builder, sqlstate, given)) return true;
  }
  return false;
}

async function takeBack({ admin, role, superuser }: Builder, given: ReadonlySet<string>): Promise<void> {
  if (superuser || !given.has(sqlstates.insufficientPrivilege)) return;
  await admin.query(`alter role ${quoteIdentifier(role)} nosuperuser`);
}

function isRole(text: string): boolean {
  try {
    return classifyStatement(text).node === "CreateRoleStmt";
  } catch {
    return false;
  }
}
