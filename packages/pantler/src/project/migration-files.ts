import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, parse } from "node:path";
import { InputError, messageOf } from "../operation/index.js";
import { type Project, pathInProject } from "./project.js";

/** One versioned SQL file, with the files that stand beside it. */
export interface MigrationFile {
  /** The leading digits of the file's name; migrations run in the order of this text. */
  readonly version: string;
  readonly name: string;
  readonly file: string;
  /** Where its rollback script is, or would be. */
  readonly rollback: { readonly file: string; readonly exists: boolean };
  /** Where its checks are, or would be. */
  readonly checks: { readonly file: string; readonly exists: boolean };
}

export interface MigrationFolder {
  readonly migrations: readonly MigrationFile[];
  /** Names in the folder that are no migrations, sorted. */
  readonly ignored: readonly string[];
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The Supabase CLI's pattern, so that both tools see the same migrations. */
const migrationName = /^(\d+)_(.+)\.sql$/;

/**
 * Lists the migrations of a project in the order they run, that of their versions as text: the ledger is sorted so.
 * @throws InputError `version-twice` when two files claim one version, `folder-unreadable`
 */
export function listMigrationFiles(project: Project): MigrationFolder {
  const { folders } = project;
  const companions = (folder: string) => {
    const present = new Set(readFolder(project, folder));
    return (base: string) => ({ file: join(folder, base), exists: present.has(base) });
  };
  const rollbackOf = companions(folders.rollbacks);
  const checksOf = companions(folders.checks);
  const migrations = new Map<string, MigrationFile>();
  const ignored: string[] = [];
  for (const base of readFolder(project, folders.migrations).sort(byCodePoint)) {
    const [, version, name] = migrationName.exec(base) ?? [];
    if (version === undefined || name === undefined) {
      ignored.push(base);
      continue;
    }
    const twin = migrations.get(version);
    if (twin) {
      throw new InputError({
        code: "version-twice",
        message: `Two files have version ${version}: ${twin.version}_${twin.name}.sql and ${base}.`,
        state: "Nothing was done.",
        remedy: "Give one of them a version of its own.",
      });
    }
    migrations.set(version, {
      version,
      name,
      file: join(folders.migrations, base),
      rollback: rollbackOf(base),
      checks: checksOf(base),
    });
  }
  const inOrder = [...migrations.values()].sort((left, right) => byCodePoint(left.version, right.version));
  return { migrations: inOrder, ignored };
}

/** Lists the checks that belong to no version: the smoke tests, sorted by name. */
export function listSmokeChecks(project: Project): string[] {
  if (!existsSync(project.folders.checks)) return [];
  return readdirSync(project.folders.checks, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".sql") && !migrationName.test(entry.name))
    .map((entry) => join(project.folders.checks, entry.name))
    .sort(byCodePoint);
}

/**
 * Lists the seed files that exist, each once, in the order they run; in every part of a path a `*` stands for
 * any text and a `?` for any character.
 * @throws InputError `seed-missing` for a file that is named without a pattern and is not there, unless it is
 * the Supabase default, which is optional
 */
export function listSeedFiles(project: Project): string[] {
  const found = project.seed.flatMap((path) => {
    if (/[*?]/.test(path)) return expandPattern(path);
    return existsSync(path) ? [path] : missingSeed(project, path);
  });
  return [...new Set(found)];
}

/** The files that fit a pattern, folder by folder and in each by name. */
function expandPattern(path: string): string[] {
  const { root } = parse(path);
  const parts = path.slice(root.length).split(/[\\/]/);
  return parts.reduce<string[]>(
    (folders, part) => {
      if (!/[*?]/.test(part))
        return folders.map((folder) => join(folder, part)).filter((entry) => existsSync(entry));
      const escaped = part.replace(/[.+^${}()|[\]\\]/g, "\\$&");
      const pattern = new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "u");
      return folders
        .filter((folder) => statSync(folder).isDirectory())
        .flatMap((folder) =>
          readdirSync(folder)
            .filter((name) => pattern.test(name))
            .sort(byCodePoint)
            .map((name) => join(folder, name)),
        );
    },
    [root],
  );
}

/**
 * Reads a file of SQL as UTF-8.
 * @throws InputError `file-unreadable`, and `file-not-text` when it is not UTF-8 or holds a zero byte
 */
export function readSqlFile(project: Project, file: string): string {
  const shown = pathInProject(project, file);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new InputError({
      code: "file-unreadable",
      message: `${shown} cannot be read: ${messageOf(error)}`,
      state: "Nothing was done.",
      remedy: "Check that the file is there and that you may read it.",
      cause: error,
    });
  }
  try {
    const text = utf8.decode(bytes);
    if (!text.includes("\0")) return text;
  } catch {
    // Falls through to the one error for both cases.
  }
  throw new InputError({
    code: "file-not-text",
    message: `${shown} is not UTF-8 text.`,
    state: "Nothing was done.",
    remedy: "Save the file as UTF-8.",
  });
}

function readFolder(project: Project, folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw new InputError({
      code: "folder-unreadable",
      message: `${pathInProject(project, folder)} cannot be read: ${messageOf(error)}`,
      state: "Nothing was done.",
      remedy: "Check that it is a folder and that you may read it.",
      cause: error,
    });
  }
}

function missingSeed(project: Project, path: string): [] {
  if (path === join(project.root, "supabase", "seed.sql")) return [];
  throw new InputError({
    code: "seed-missing",
    message: `The seed file ${pathInProject(project, path)} is not there.`,
    state: "Nothing was done.",
    remedy: "Write it, or take it out of the config.",
  });
}

function byCodePoint(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
