import pg from "pg";
import { type Operation, stopWhenAborted, UnchangedError } from "../../../operation/index.js";
import { withClient } from "../../../postgres/index.js";
import type { DatabaseUrl, Project } from "../../../project/index.js";
import { compareSchemas, differenceInWords, readSchema } from "../../../schema/index.js";
import type { AccessChange } from "../../matrix/change.js";
import { compareAccess } from "../../matrix/compare.js";
import { measureAccess } from "../../matrix/measure.js";
import { type AccessSnapshot, snapshotOf } from "../../matrix/snapshot.js";
import type { Rewriting } from "./rewritings.js";

/** What a proof that failed leaves. */
export const unwritten =
  "Nothing was written; this was tried on a copy, and the backup it was made from stays listed.";

/** What a proof came to. */
export interface Proof {
  /** The rewritings that are proven to change nobody's access. */
  readonly proven: readonly Rewriting[];
  /** Those of tables for which the matrix cannot tell. */
  readonly unproven: readonly Rewriting[];
}

/**
 * Proves on a copy that rewritings change nobody's access: the matrix is measured before and after, and their way back
 * leaves the schema that was there before.
 * @param url the copy, which is changed
 * @throws UnchangedError `fix-changes-access`, `fix-not-undone`, `fix-failed`, `interrupted`
 */
export async function proveRewritings(
  url: DatabaseUrl,
  project: Project,
  rewritings: readonly Rewriting[],
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<Proof> {
  const measure = async (words: string) =>
    snapshotOf(await measureAccess(url, project, {}, operation.part(words), signal));
  const schema = await withClient(url, readSchema);
  const before = await measure("before");
  warnWithoutUsers(before, operation);
  let wanted = rewritings;
  for (;;) {
    stopWhenAborted(signal, unwritten);
    const tried = wanted;
    await run(
      url,
      tried.map(({ up }) => up),
      "run the migration",
      operation,
    );
    const changes = compareAccess(before, await measure("after"));
    await run(url, tried.map(({ down }) => down).reverse(), "run its rollback", operation);
    await requireSame(url, schema);
    if (changes.length === 0) break;
    wanted = withoutUndecided(tried, changes);
  }
  return { proven: wanted, unproven: rewritings.filter((each) => !wanted.includes(each)) };
}

/** What `anon` and `service_role` may do says little about those who sign in. */
function warnWithoutUsers({ identities }: AccessSnapshot, operation: Operation): void {
  const users = Object.entries(identities).filter(
    ([name, state]) => state === "measured" && name !== "anon" && name !== "service_role",
  );
  if (users.length > 0) return;
  operation.finding(
    "warning",
    "nobody who signs in was measured: name users in users.test or access.identities of the config",
  );
}

/** Leaves out what the matrix cannot tell of, so that the rest can be proven. */
function withoutUndecided(
  tried: readonly Rewriting[],
  changes: readonly AccessChange[],
): readonly Rewriting[] {
  const undecided = new Set(changes.flatMap(({ kind, subject }) => (kind === "undecided" ? [subject] : [])));
  const rest = tried.filter(({ relation }) => !undecided.has(relation));
  if (rest.length < tried.length && changes.every(({ kind }) => kind === "undecided")) return rest;
  throw new UnchangedError({
    code: "fix-changes-access",
    message: "What was to be written would change who can see and change what.",
    detail: changes.map(({ sentence }) => sentence).join("\n"),
    state: unwritten,
    remedy: "Mend these findings by hand; this one is worth a report.",
  });
}

async function requireSame(url: DatabaseUrl, schema: Awaited<ReturnType<typeof readSchema>>): Promise<void> {
  const left = compareSchemas(schema, await withClient(url, readSchema));
  if (left.length === 0) return;
  throw new UnchangedError({
    code: "fix-not-undone",
    message: "The rollback of what was to be written leaves another schema than there was.",
    detail: left.map((each) => differenceInWords(each, "is left over")).join("\n"),
    state: unwritten,
    remedy: "Mend these findings by hand; this one is worth a report.",
  });
}

async function run(
  url: DatabaseUrl,
  statements: readonly string[],
  what: string,
  operation: Operation,
): Promise<void> {
  await operation.step(what, async () => {
    await withClient(url, async (client) => {
      await client.query("begin");
      for (const statement of statements) {
        await client.query(statement).catch((error: unknown) => {
          throw error instanceof pg.DatabaseError ? failed(statement, error) : error;
        });
      }
      await client.query("commit");
    });
  });
}

function failed(statement: string, error: pg.DatabaseError): UnchangedError {
  return new UnchangedError({
    code: "fix-failed",
    message: `A statement that was to be written fails: ${error.message}${error.code === undefined ? "" : ` (${error.code})`}.`,
    detail: statement,
    state: unwritten,
    remedy: "Mend this finding by hand, or run it as the owner of the table.",
    ...(error.code === undefined ? {} : { sqlstate: error.code }),
    cause: error,
  });
}
