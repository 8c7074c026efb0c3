import { compareSchemas, type SchemaObject } from "../../schema/index.js";
import type { KnownMigration } from "./applied.js";
import type { Build } from "./build.js";
import { keyOf } from "./parts.js";

/** An object that a migration made or changed, as it was after it. */
export interface MadeBy extends SchemaObject {
  readonly key: string;
}

/** What one migration did to the schema. */
export interface Stage {
  readonly migration: KnownMigration;
  /** The schema after it. */
  readonly objects: ReadonlyMap<string, SchemaObject>;
  /** What it made, changed or dropped. */
  readonly changes: readonly MadeBy[];
  /** What it made or changed and no later applied one changed or dropped. */
  readonly made: readonly MadeBy[];
}

/** Reading a schema takes a tenth of a second; of a longer history only the end is followed one by one. */
const longestHistory = 60;

/**
 * Builds migrations one after the other and tells what each of them does. One that does not run as a whole ends
 * the history of those that are pending: what it left out would be taken for what others do.
 */
export async function followHistory(
  build: Build,
  migrations: readonly KnownMigration[],
  form: (objects: readonly SchemaObject[]) => readonly SchemaObject[],
): Promise<Stage[]> {
  const stages: Omit<Stage, "made">[] = [];
  const start = Math.max(0, migrations.length - longestHistory);
  let before = form(await build.read());
  for (const [index, migration] of migrations.entries()) {
    const obstacles = await build.apply(migration.statements ?? []);
    if (!migration.applied && obstacles.length > 0) break;
    const isFollowed = index >= start;
    if (!isFollowed && index < start - 1) continue;
    const after = form(await build.read());
    if (isFollowed) {
      const objects = new Map(after.map((object) => [keyOf(object), object]));
      const changes = compareSchemas(before, after).map(({ kind, name, left, right }) => {
        return { key: keyOf({ kind, name }), kind, name, definition: right ?? left ?? "" };
      });
      stages.push({ migration, objects, changes });
    }
    before = after;
  }
  return stages.map((stage, index) => ({ ...stage, made: madeAt(stages, index) }));
}

function madeAt(stages: readonly Omit<Stage, "made">[], index: number): MadeBy[] {
  const stage = stages[index];
  if (!stage) return [];
  const later = new Set(
    stages
      .slice(index + 1)
      .filter(({ migration }) => migration.applied)
      .flatMap(({ changes }) => changes.map(({ key }) => key)),
  );
  return stage.changes.filter(({ key }) => stage.objects.has(key) && !later.has(key));
}
