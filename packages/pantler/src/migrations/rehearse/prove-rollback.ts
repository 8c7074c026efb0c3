import { counted, EnvironmentError, PantlerError } from "../../operation/index.js";
import { withClient } from "../../postgres/index.js";
import type { MigrationFile } from "../../project/index.js";
import {
  compareSchemas,
  isLeftExtension,
  readSchema,
  type SchemaDifference,
  type SchemaObject,
} from "../../schema/index.js";
import { runBatches } from "../apply.js";
import type { CheckGroup } from "../check.js";
import { runRollbacks } from "../down.js";
import type { Batch } from "../plan.js";
import type { DeploymentSession } from "../session.js";
import { upwards } from "../up.js";
import { compareContent } from "./compare-content.js";
import type { RollbackProof } from "./rehearsal.js";
import { readContent, type TableContent } from "./table-content.js";

/** What migrations were applied to, and what that made. */
export interface Applied {
  readonly files: readonly MigrationFile[];
  readonly batches: readonly Batch[];
  readonly smoke: readonly CheckGroup[];
  readonly schemaBefore: readonly SchemaObject[];
  readonly contentBefore: readonly TableContent[];
  readonly schemaAfter: readonly SchemaObject[];
}

/**
 * Runs the rollback scripts of migrations that were just applied, compares what they leave with what was there before,
 * and applies the migrations again. What goes wrong is what is found out, and no error.
 * @throws UnchangedError `interrupted`
 * @throws EnvironmentError when the connection broke
 */
export async function proveRollback(session: DeploymentSession, applied: Applied): Promise<RollbackProof> {
  const migrations = applied.batches.flatMap((batch) => batch.migrations).reverse();
  const missing = migrations.filter(({ version }) => !hasRollback(applied.files, version));
  if (missing.length > 0) {
    return {
      status: "missing",
      details: missing.map(({ version, name }) => `${version}_${name} has no rollback script`),
    };
  }
  const part = { ...session, operation: session.operation.part("rehearse") };
  const versions = migrations.map(({ version }) => version);
  const failed = await problemOf(part, async () => {
    await runRollbacks(part, versions);
  });
  if (failed !== undefined) return { status: "failed", details: [failed] };
  const left = await compareWithBefore(part, applied);
  const again = await applyAgain(part, applied);
  if (left.status === "proven" && again.length > 0) return { status: "failed", details: again };
  return { status: left.status, details: [...left.details, ...again] };
}

function hasRollback(files: readonly MigrationFile[], version: string): boolean {
  return files.some((file) => file.version === version && file.rollback.exists);
}

async function compareWithBefore(
  { target, operation, signal }: DeploymentSession,
  { schemaBefore, contentBefore }: Applied,
): Promise<RollbackProof> {
  const schema = await operation.step("compare the schema with that before", async (step) => {
    const found = compareSchemas(schemaBefore, await withClient(target.url, readSchema));
    const different = found.filter((each) => !isLeftExtension(each));
    step.note(different.length === 0 ? "as it was" : `${counted(different.length, "object")} differ`);
    return {
      different: different.map((each) => inWords(each, "before the migrations", "after their rollback")),
      left: found.filter(isLeftExtension).map(({ name }) => `the extension ${name} stays`),
    };
  });
  const scope = { columnsOf: contentBefore };
  const content = await readContent(
    target.url,
    "compare the rows with those before",
    scope,
    operation,
    signal,
  );
  const rows = compareContent(contentBefore, content)
    // A table that a rollback left is told of by the schema.
    .filter(({ changed, before }) => changed && before !== null)
    .map(({ schema, name, before, after }) => {
      const table = `${schema}.${name}`;
      if (after === null) return `${table} is gone, with its ${before} rows`;
      if (after !== before) return `${table} had ${before} rows before and has ${after} after the rollback`;
      return `${table} has other values in its ${before} rows than before`;
    });
  const { different, left } = schema;
  if (different.length > 0) return { status: "schema-differs", details: [...different, ...left, ...rows] };
  return { status: rows.length > 0 ? "rows-differ" : "proven", details: [...rows, ...left] };
}

/** @returns what went wrong, in words */
async function applyAgain(
  session: DeploymentSession,
  { batches, smoke, schemaAfter }: Applied,
): Promise<string[]> {
  const failed = await problemOf(session, async () => {
    await runBatches(session, batches, upwards, { smoke, inspect: undefined });
  });
  if (failed !== undefined) return [`applied again after the rollback: ${failed}`];
  const schema = await withClient(session.target.url, readSchema);
  return compareSchemas(schemaAfter, schema).map((each) =>
    inWords(each, "applied for the first time", "applied again after the rollback"),
  );
}

/** Runs work whose failing is a finding. */
async function problemOf(session: DeploymentSession, work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    session.signal?.throwIfAborted();
    if (!(error instanceof PantlerError) || error instanceof EnvironmentError) throw error;
    return error.message;
  }
}

function inWords({ kind, name, left, right }: SchemaDifference, first: string, second: string): string {
  if (left === undefined) return `${kind} ${name}: ${second} only`;
  if (right === undefined) return `${kind} ${name}: ${first} only`;
  return `${kind} ${name}: ${first} ${left}; ${second} ${right}`;
}
