import { type Target, withScratch } from "../../engine/index.js";
import type { Operation } from "../../operation/index.js";
import { requireServer } from "../../postgres/index.js";
import {
  acrossMajors,
  compareSchemas,
  type SchemaDifference,
  type SchemaObject,
} from "../../schema/index.js";
import { type KnownMigration, knownMigrations, titleOf, type UnbuiltMigration } from "./applied.js";
import { type Build, prepareServer, withBuild } from "./build.js";
import { findHints } from "./hints.js";
import { type LiveDatabase, readLive } from "./live.js";

/** How an environment's live schema differs from what its applied migrations make. */
export interface Drift {
  /** `left` is what the migrations make, `right` what is live; rows are not compared. */
  readonly differences: readonly SchemaDifference[];
  /** What may have happened and what to do about it, in sentences. */
  readonly hints: readonly string[];
  /** Applied migrations that could not be built, or not wholly: what they make is compared without it. */
  readonly unbuilt: readonly UnbuiltMigration[];
}

/** What a comparison leaves to work with, as long as its scratch server lives. */
export interface Comparison {
  readonly drift: Drift;
  readonly live: LiveDatabase;
  /** A database that holds what the applied migrations make. */
  readonly build: Build;
  readonly built: readonly SchemaObject[];
  readonly compare: (left: readonly SchemaObject[], right: readonly SchemaObject[]) => SchemaDifference[];
}

/**
 * Compares the live schema of an environment with what the migrations in its ledger make, by building them on a
 * scratch server. The ledger's own statements are built, so that files that are gone or were edited do not matter. The
 * environment is only read; its role needs no right but to read the ledger.
 * @throws EnvironmentError when the environment cannot be reached, or its ledger may not be read
 * @throws InputError when the project's files are wrong
 * @throws UnchangedError `interrupted`
 */
export async function findDrift(target: Target, operation: Operation, signal?: AbortSignal): Promise<Drift> {
  return await withComparison(target, operation, signal, async ({ drift }) => drift);
}

/** Finds drift, and goes on with the scratch server on which it was found. */
export async function withComparison<Result>(
  target: Target,
  operation: Operation,
  signal: AbortSignal | undefined,
  work: (comparison: Comparison) => Promise<Result>,
): Promise<Result> {
  const live = await operation.step(`read the schema of ${target.environment.name}`, async (step) => {
    const found = await readLive(target);
    step.note(`${found.objects.length} objects`);
    return found;
  });
  const { applied, pending } = knownMigrations(target.project, live.ledger);
  return await withScratch(async (server) => {
    const deployerUrl = await prepareServer(server, live);
    return await withBuild(server, deployerUrl, live, signal, async (build) => {
      const unbuilt = await operation.step("build what the applied migrations make", async (step) => {
        step.note(applied.length === 1 ? "1 migration" : `${applied.length} migrations`);
        return await buildAll(build, applied, (done) => step.progress(done, applied.length, "migrations"));
      });
      const form = await commonForm(build, live.major);
      const compare = (left: readonly SchemaObject[], right: readonly SchemaObject[]) =>
        compareSchemas(form(left), form(right));
      const { built, differences } = await operation.step("compare the two", async (step) => {
        const made = await build.read();
        const found = compare(made, live.objects);
        step.note(found.length === 0 ? "no difference" : `${found.length} differ`);
        return { built: made, differences: found };
      });
      const hints = await findHints(
        { target, live, applied, pending, differences, unbuilt },
        form,
        async (follow) => await withBuild(server, deployerUrl, live, signal, follow),
        build.client,
      );
      return await work({ drift: { differences, hints, unbuilt }, live, build, built, compare });
    });
  });
}

async function buildAll(
  build: Build,
  applied: readonly KnownMigration[],
  onDone: (done: number) => void,
): Promise<UnbuiltMigration[]> {
  const unbuilt: UnbuiltMigration[] = [];
  for (const [index, { version, name, statements }] of applied.entries()) {
    if (statements === undefined) {
      unbuilt.push({
        version,
        name,
        because: `neither the ledger nor a file holds the statements of ${titleOf({ version, name })}`,
      });
    }
    for (const { statement, message } of await build.apply(statements ?? [])) {
      unbuilt.push({
        version,
        name,
        because: `statement ${statement} of ${titleOf({ version, name })} does not run on the scratch server: ${message}`,
      });
    }
    onDone(index + 1);
  }
  return unbuilt;
}

/** Servers of different majors print the same thing in different words. */
async function commonForm(
  { client, url }: Build,
  liveMajor: number,
): Promise<(objects: readonly SchemaObject[]) => readonly SchemaObject[]> {
  return (await requireServer(client, url)) === liveMajor ? (objects) => objects : acrossMajors;
}
