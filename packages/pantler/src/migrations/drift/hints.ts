import type { Target } from "../../engine/index.js";
import type { Client } from "../../postgres/index.js";
import type { SchemaDifference, SchemaObject } from "../../schema/index.js";
import { type KnownMigration, titleOf, type UnbuiltMigration } from "./applied.js";
import type { Build } from "./build.js";
import { followHistory, type MadeBy, type Stage } from "./history.js";
import type { LiveDatabase } from "./live.js";
import { keyOf, wholeOf, wholes } from "./parts.js";

export interface Findings {
  readonly target: Target;
  readonly live: LiveDatabase;
  readonly applied: readonly KnownMigration[];
  readonly pending: readonly KnownMigration[];
  readonly differences: readonly SchemaDifference[];
  readonly unbuilt: readonly UnbuiltMigration[];
}

/** So many objects are named in a hint. */
const namedAtMost = 4;

/**
 * Finds out what may have happened: which migration was run by hand, which was taken back, whose objects are gone. It
 * is found by building the migrations one by one and looking at what each of them makes.
 * @param form brings objects of both servers into words that can be compared
 * @param withBuild runs work with an empty database
 * @param client a connection to the scratch server
 */
export async function findHints(
  findings: Findings,
  form: (objects: readonly SchemaObject[]) => readonly SchemaObject[],
  withBuild: (work: (build: Build) => Promise<Stage[]>) => Promise<Stage[]>,
  client: Client,
): Promise<string[]> {
  const { differences, unbuilt, applied, pending, live, target } = findings;
  const hints = unbuilt.map(({ because }) => `Not compared: ${because}.`);
  if (differences.length === 0) return hints;
  const environment = target.environment.name;
  if (applied.length === 0) {
    hints.push(
      `The ledger of ${environment} is empty: no migration is known to have made what is there. Write it down as one: pantler migration new baseline --from-drift --env ${environment}`,
    );
  }
  const stages = await withBuild((build) => followHistory(build, [...applied, ...pending], form));
  const repair = (version: string, status: string) =>
    `pantler migration repair ${version} --status ${status} --env ${environment}`;
  const explained = new Set<string>();
  const lives = new Map(form(live.objects).map((object) => [keyOf(object), object.definition]));
  const differing = new Set(differences.map(keyOf));
  for (const [index, { migration, changes }] of stages.entries()) {
    if (migration.applied) continue;
    const later = stages.slice(index);
    const there = changes.filter((change) =>
      later.some((stage) => stage.objects.get(change.key)?.definition === lives.get(change.key)),
    );
    const telling = there.filter(({ key }) => differing.has(key));
    if (telling.length === 0) continue;
    for (const { key } of telling) explained.add(key);
    hints.push(
      there.length === changes.length
        ? `All that ${titleOf(migration)} does is done although it is pending. Was it run by hand? ${repair(migration.version, "applied")}`
        : `A part of what ${titleOf(migration)} does is done although it is pending: ${named(telling)}. Undo that by hand, or do the rest and run: ${repair(migration.version, "applied")}`,
    );
  }
  hints.push(...goneHints(stages, lives, repair));
  hints.push(...(await stubHints(client, live, differences)));
  const open = differences.filter((each) => !explained.has(keyOf(each)));
  if (open.some(({ right }) => right !== undefined) && applied.length > 0) {
    hints.push(
      `To keep what was changed by hand, write it down as a migration: pantler migration new <name> --from-drift --env ${environment}`,
    );
  }
  return hints;
}

/** Tells of applied migrations whose objects are not there any more. */
function goneHints(
  stages: readonly Stage[],
  lives: ReadonlyMap<string, string>,
  repair: (version: string, status: string) => string,
): string[] {
  return stages.flatMap(({ migration, made }) => {
    if (!migration.applied) return [];
    const gone = made.filter(({ key }) => !lives.has(key));
    if (gone.length === 0) return [];
    if (gone.length === made.length) {
      return [
        `Nothing of what ${titleOf(migration)} makes is there. Was it taken back by hand? ${repair(migration.version, "reverted")}`,
      ];
    }
    return [`Made by ${titleOf(migration)} and gone: ${named(gone)}.`];
  });
}

/** Schemas that hold what an extension made, from pg_depend; those that many share tell nothing. */
const schemasOfExtensions = `
select distinct nspname as name
from pg_extension
join pg_depend on refclassid = 'pg_extension'::regclass and refobjid = pg_extension.oid and deptype = 'e'
left join pg_proc on classid = 'pg_proc'::regclass and pg_proc.oid = objid
left join pg_type on classid = 'pg_type'::regclass and pg_type.oid = objid
left join pg_class on classid = 'pg_class'::regclass and pg_class.oid = objid
join pg_namespace on pg_namespace.oid = coalesce(pronamespace, typnamespace, relnamespace)
where extname = any ($1) and nspname not in ('public', 'extensions', 'pg_catalog')
`;

/** Tells of extensions that stand in for those the environment has. */
async function stubHints(
  client: Client,
  { extensions }: LiveDatabase,
  differences: readonly SchemaDifference[],
): Promise<string[]> {
  const { rows: stubs } = await client.query<{ name: string }>(
    "select name from pg_available_extensions where comment like 'stub of %' and name = any ($1) order by name",
    [extensions.filter(({ required }) => required).map(({ name }) => name)],
  );
  const texts = differences.map(({ name, left, right }) => `${name} ${left ?? ""} ${right ?? ""}`);
  const speakOf = (word: string) => texts.some((text) => text.includes(word));
  const meant: string[] = [];
  for (const { name } of stubs) {
    const { rows } = await client.query<{ name: string }>(schemasOfExtensions, [[name]]);
    if (speakOf(name) || rows.some((schema) => speakOf(`${schema.name}.`))) meant.push(name);
  }
  if (meant.length === 0) return [];
  return [
    `The scratch server has stubs of ${meant.join(", ")}: a difference that comes from their types or functions may not be one.`,
  ];
}

/** Names objects without what is only part of another one among them. */
function named(made: readonly MadeBy[]): string {
  const names = new Set(made.filter(({ kind }) => wholes.has(kind)).map(({ name }) => name));
  const heads = made.filter((object) => wholeOf(object, names) === undefined);
  const shown = heads.slice(0, namedAtMost).map(({ kind, name }) => `${kind} ${name}`);
  const more = heads.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}
