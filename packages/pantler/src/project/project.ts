import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve, sep } from "node:path";
import { EnvironmentError, InputError, messageOf } from "../operation/index.js";
import { type AccessSettings, resolveAccess } from "./access-settings.js";
import { configNames, readConfig } from "./config.js";
import { environmentName } from "./environment-name.js";
import { type Environment, readEnvironments, readVariable } from "./environments.js";
import { readSupabaseConfig } from "./supabase-config.js";
import { resolveUsers, type UserSettings } from "./test-users.js";

/** A folder with migrations, and what is known about it without a database. */
export interface Project {
  readonly root: string;
  readonly name: string;
  readonly folders: { readonly migrations: string; readonly rollbacks: string; readonly checks: string };
  /** Seed files or patterns, absolute. */
  readonly seed: readonly string[];
  /** The file that says which rows to generate, absolute. */
  readonly data: string | undefined;
  readonly users: UserSettings;
  readonly access: AccessSettings;
  /** The port on which the local server should listen when it is free. */
  readonly port: number;
  readonly exposesNewTables: boolean;
  readonly environments: readonly Environment[];
  /** Where Pantler keeps what belongs to this checkout and not to the repository. */
  readonly stateFolder: string;
}

/** The port on which the Supabase CLI expects its local database. */
const supabasePort = 54322;

/**
 * Opens a project: finds its folder, reads its config, its supabase/config.toml and its `.env` files.
 * @param options.folder the project's folder; without it the nearest one upwards from `from`
 * @param options.variables the process' environment, where database URLs may come from
 * @throws InputError naming everything that is wrong with the files
 */
export async function openProject(options: {
  readonly folder?: string | undefined;
  readonly from: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
}): Promise<Project> {
  const root =
    options.folder === undefined ? findRoot(options.from) : checkRoot(resolve(options.from, options.folder));
  const stateFolder = join(root, ".pantler");
  const config = await readConfig(root, stateFolder);
  const supabase = readSupabaseConfig(root);
  const inside = (path: string) => (isAbsolute(path) ? path : join(root, path));
  const seed =
    config.seed?.map(inside) ??
    (supabase?.seed.enabled ? supabase.seed.paths.map((path) => resolve(root, "supabase", path)) : []);
  return {
    root,
    name: config.name ?? supabase?.projectId ?? basename(root),
    folders: {
      migrations: inside(config.folders?.migrations ?? "supabase/migrations"),
      rollbacks: inside(config.folders?.rollbacks ?? "supabase/rollbacks"),
      checks: inside(config.folders?.checks ?? "supabase/checks"),
    },
    seed,
    data: config.data === undefined ? undefined : inside(config.data),
    users: resolveUsers(config.users, (name) => readVariable(root, options.variables, name)),
    access: resolveAccess(config.access, supabase?.apiSchemas),
    port: config.engine?.port ?? supabase?.port ?? supabasePort,
    exposesNewTables: supabase?.exposesNewTables ?? true,
    environments: readEnvironments(root, config, options.variables),
    stateFolder,
  };
}

/**
 * Looks up an environment by name.
 * @throws InputError `environment-unknown`, or why its URL cannot be used
 */
export function environmentOf(project: Project, name: string): Environment {
  const found = project.environments.find((environment) => environment.name === name);
  if (found?.problem) throw found.problem;
  if (found) return found;
  const known = project.environments.map((each) => each.name).join(", ");
  // What is no name may be an address with a password, so it is not repeated.
  const isName = environmentName.test(name);
  throw new InputError({
    code: "environment-unknown",
    message: isName
      ? `This project has no environment named ${name}.`
      : "What was given is not the name of an environment.",
    state: "Nothing was done.",
    remedy: `Use one of ${known}, or put DATABASE_URL in .env.${isName ? name : "<name>"}.`,
  });
}

/**
 * Makes the project's own state folder, which git is told to ignore.
 * @throws EnvironmentError `state-unwritable`
 */
export function makeStateFolder(project: Project): string {
  try {
    mkdirSync(project.stateFolder, { recursive: true });
    const ignore = join(project.stateFolder, ".gitignore");
    if (!existsSync(ignore)) writeFileSync(ignore, "*\n");
    return project.stateFolder;
  } catch (error) {
    throw new EnvironmentError({
      code: "state-unwritable",
      message: `Pantler's own folder in the project cannot be written: ${messageOf(error)}.`,
      state: "Nothing was done.",
      remedy: "Run pantler as a user who may write to the project's folder.",
      cause: error,
    });
  }
}

/** A path as a person in the project's folder would write it. */
export function pathInProject(project: Project, file: string): string {
  const inside = `${project.root}${sep}`;
  return file.startsWith(inside) ? file.slice(inside.length) : file;
}

function isRoot(folder: string): boolean {
  return (
    configNames.some((name) => existsSync(join(folder, name))) ||
    existsSync(join(folder, "supabase", "config.toml"))
  );
}

function checkRoot(folder: string): string {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new InputError({
      code: "project-missing",
      message: `${folder} is not a folder.`,
      state: "Nothing was done.",
      remedy: "Give --project the folder that holds pantler.config.ts or supabase/config.toml.",
    });
  }
  if (isRoot(folder) || existsSync(join(folder, "supabase", "migrations"))) return folder;
  throw notAProject(folder);
}

function findRoot(from: string): string {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (isRoot(folder)) return folder;
    if (dirname(folder) === folder) throw notAProject(from);
  }
}

function notAProject(folder: string): InputError {
  return new InputError({
    code: "project-missing",
    message: `${folder} is not a project: neither pantler.config.* nor supabase/config.toml is there.`,
    state: "Nothing was done.",
    remedy: "Go to the project's folder, or name it with --project.",
  });
}
