import type { Target } from "../../engine/index.js";
import type { Operation } from "../../operation/index.js";
import { withClient } from "../../postgres/index.js";
import { dumpSchema, type SchemaDifference, type SchemaObject } from "../../schema/index.js";
import { type NewMigration, newMigration } from "../new.js";
import type { Build } from "./build.js";
import { type Comparison, type Drift, withComparison } from "./drift.js";
import { defineAnew, dropStatements, makeStatements, type Ways } from "./make.js";
import { outermost } from "./parts.js";
import { changeRights } from "./rights.js";

/** A migration that was written from drift. */
export interface DriftDraft extends NewMigration {
  readonly drift: Drift;
  /** What still differs where the draft is applied after the others: it is marked TODO in the file. */
  readonly left: readonly SchemaDifference[];
  /** What the rollback draft does not bring back; it is marked TODO in its file. */
  readonly leftByRollback: readonly SchemaDifference[];
}

/**
 * Writes what an environment has and its migrations do not make as the draft of a migration, with its rollback. Both are
 * proven before: they are applied after the other migrations on a scratch server and compared. What cannot be written
 * without a decision, such as a change of a type or something that was dropped, is a comment in the file.
 * @param words the migration's name
 * @param now the moment its version is made of
 * @returns undefined, and nothing is written, where nothing differs
 * @throws what `findDrift` throws, and `newMigration`
 * @throws EnvironmentError `schema-unreadable` where the role may not read what has to be written down
 */
export async function draftFromDrift(
  target: Target,
  words: string,
  now: Date,
  operation: Operation,
  signal?: AbortSignal,
): Promise<DriftDraft | undefined> {
  return await withComparison(target, operation, signal, async (comparison) => {
    const { drift } = comparison;
    if (drift.differences.length === 0) return undefined;
    const { up, down } = await operation.step("write it down and prove it", async (step) => {
      const proven = await proveDraft(target, comparison, signal);
      step.note(
        proven.up.left.length === 0
          ? "it makes what is live"
          : `${proven.up.left.length} of ${drift.differences.length} are left to do`,
      );
      return proven;
    });
    const { name } = target.environment;
    const created = newMigration(target.project, words, now, {
      migration: textOf(
        [
          `What ${name} has and no migration makes. Review it; then, as ${name} has it already, mark it as applied there`,
          `with pantler migration repair <version> --status applied --env ${name}, <version> being this file's.`,
        ],
        up,
        name,
      ),
      rollback: textOf(
        [`Takes back what the migration of the same name does. It loses what is in what it drops.`],
        down,
        name,
      ),
    });
    for (const { kind, name: object } of outermost(up.left)) {
      operation.finding("warning", `${kind} ${object} is left to do: see TODO in the file`);
    }
    return { ...created, drift, left: up.left, leftByRollback: down.left };
  });
}

/** Statements that were run, and what they do not bring about. */
interface Proven {
  readonly statements: readonly string[];
  readonly left: readonly SchemaDifference[];
}

async function proveDraft(
  target: Target,
  { build, built, live, compare, drift }: Comparison,
  signal: AbortSignal | undefined,
): Promise<{ up: Proven; down: Proven }> {
  const { entries: liveEntries } = await dumpSchema(target.url, { signal });
  const { entries: builtEntries } = await dumpSchema(build.url, { signal });
  const upward = await withClient(target.url, (client) =>
    makeStatements(drift.differences, builtEntries, { entries: liveEntries, client }),
  );
  // Read before the draft changes what is there.
  const backward = drift.differences.map(turned);
  const downward = [
    ...dropStatements(backward),
    ...(await defineAnew(backward, liveEntries, { entries: builtEntries, client: build.client })),
  ];
  const up = await prove(build, upward, (made) => compare(made, live.objects));
  const down = await prove(build, downward, (made) => compare(made, built));
  return { up, down };
}

function turned({ kind, name, left, right }: SchemaDifference): SchemaDifference {
  return { kind, name, left: right, right: left };
}

/**
 * Runs statements in an order that works, and then those that settle rights.
 * @param compare tells what still differs from what is wanted
 */
async function prove(
  build: Build,
  statements: readonly Ways[],
  compare: (made: readonly SchemaObject[]) => SchemaDifference[],
): Promise<Proven> {
  const done = await runInSomeOrder(build, statements);
  const made = await build.read();
  const rights = outermost(compare(made)).flatMap((difference) =>
    changeRights(difference, made).map((statement) => [`${statement};`]),
  );
  done.push(...(await runInSomeOrder(build, rights)));
  return { statements: done, left: compare(await build.read()) };
}

/**
 * Runs each; those that fail are tried again after the others, as they may need them, and in another way when nothing
 * else helps.
 * @returns those that ran
 */
async function runInSomeOrder(build: Build, statements: readonly Ways[]): Promise<string[]> {
  const done: string[] = [];
  let open = [...statements];
  while (open.length > 0) {
    const failed: Ways[] = [];
    for (const ways of open) {
      const [statement] = ways;
      if (statement === undefined) continue;
      const obstacles = await build.apply([statement]);
      if (obstacles.length === 0) done.push(statement);
      else failed.push(ways);
    }
    const isStuck = failed.length === open.length;
    open = isStuck ? failed.map((ways) => ways.slice(1)).filter((ways) => ways.length > 0) : failed;
  }
  return done;
}

function textOf(introduction: readonly string[], { statements, left }: Proven, environment: string): string {
  const todo = outermost(left).map(
    ({ kind, name, left: made, right }) =>
      `-- TODO ${kind} ${oneLine(name)}\n${commented("the migrations", made)}\n${commented(environment, right)}`,
  );
  return `${[introduction.map((line) => `-- ${line}`).join("\n"), ...statements, ...todo].join("\n\n")}\n`;
}

function commented(side: string, definition: string | undefined): string {
  const text = definition === undefined ? "not there" : definition;
  return `${side}: ${text}`
    .split(/\r\n|\r|\n/)
    .map((line) => `--   ${line}`)
    .join("\n");
}

function oneLine(name: string): string {
  return name.replaceAll(/[\r\n]/g, " ");
}
