import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../operation/index.js";
import { listMigrationFiles, type Project } from "../project/index.js";

const migrationTemplate = `-- Tables in public can be read through the API: switch row security on where you create them.
--
-- create table public.things (
--   id uuid primary key default gen_random_uuid(),
--   owner_id uuid not null default auth.uid() references auth.users (id) on delete restrict,
--   name text not null,
--   created_at timestamptz not null default now(),
--   updated_at timestamptz not null default now()
-- );
-- create index things_owner_id_idx on public.things (owner_id);
-- alter table public.things enable row level security;
-- create policy things_select_own on public.things
--   for select to authenticated using (owner_id = (select auth.uid()));
`;

const rollbackTemplate = `-- Takes back everything the migration of the same name did, newest first.
--
-- drop table public.things;
`;

const checksTemplate = `-- What has to be true once the migration of the same name is applied. Nothing a check does is kept.
--
-- -- check: a thing without a name is refused
-- -- expect: error 23502
-- insert into public.things (name) values (null);
`;

/** The files of a new migration. */
export interface NewMigration {
  readonly version: string;
  readonly files: readonly string[];
}

/** What the files hold instead of the template. */
export interface MigrationTexts {
  readonly migration: string;
  readonly rollback: string;
}

/**
 * Writes the files of a new migration: the script, its rollback and its checks. None of them exists before.
 * @param words the migration's name; blanks become underscores
 * @param now the moment its version is made of, in UTC
 * @throws InputError `name-malformed`
 */
export function newMigration(
  project: Project,
  words: string,
  now: Date,
  texts: MigrationTexts = { migration: migrationTemplate, rollback: rollbackTemplate },
): NewMigration {
  const name = words.trim().replace(/\s+/g, "_");
  if (!/^[\p{L}\p{N}_-]+$/u.test(name)) {
    throw new InputError({
      code: "name-malformed",
      message: `"${words}" cannot name a migration.`,
      state: "Nothing was written.",
      remedy: "Use letters, digits, - and _.",
    });
  }
  const newest = listMigrationFiles(project).migrations.at(-1)?.version;
  const version = nextVersion(now, newest);
  const base = `${version}_${name}.sql`;
  const contents = [
    [project.folders.migrations, texts.migration],
    [project.folders.rollbacks, texts.rollback],
    [project.folders.checks, checksTemplate],
  ] as const;
  const files = contents.map(([folder]) => join(folder, base));
  const present = files.find((file) => existsSync(file));
  if (present) {
    throw new InputError({
      code: "file-exists",
      message: `${present} is there already.`,
      state: "Nothing was written.",
      remedy: "Choose another name.",
    });
  }
  for (const [folder, content] of contents) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, base), content, { flag: "wx" });
  }
  return { version, files };
}

/**
 * The moment as fourteen digits, or a version just after the newest where the clock is not ahead of it. Versions are
 * ordered as text, so that 10 would run before 9; 90 runs after it.
 */
function nextVersion(now: Date, newest: string | undefined): string {
  const stamp = now.toISOString().replace(/\D/g, "").slice(0, 14);
  if (newest === undefined || stamp > newest) return stamp;
  if (/^9+$/.test(newest)) return `${newest}0`;
  return String(BigInt(newest) + 1n).padStart(newest.length, "0");
}
