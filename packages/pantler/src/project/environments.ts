import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { InputError, messageOf } from "../operation/index.js";
import { type BackupSettings, resolveBackups } from "./backup-settings.js";
import type { PantlerConfig } from "./config.js";
import { DatabaseUrl } from "./database-url.js";
import { type DeployWindow, parseDeployWindow } from "./deploy-window.js";
import { environmentName } from "./environment-name.js";

/** A named database of a project. */
export interface Environment {
  readonly name: string;
  /** Whether destructive work on it needs a proven backup and a typed confirmation. */
  readonly protected: boolean;
  /** Where it is; undefined for the embedded server, and for one whose URL is nowhere to be found. */
  readonly url: DatabaseUrl | undefined;
  /** The variable or file that the URL was read from, or where it was looked for. */
  readonly origin: string;
  /** Why its URL cannot be used, where there is one: work on other environments goes on without it. */
  readonly problem: InputError | undefined;
  readonly backups: BackupSettings;
  /** Outside of which a deployment is refused, if any. */
  readonly window: DeployWindow | undefined;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** The names under which an environment's own file may hold its URL, in the order they are tried. */
const urlNames = ["DATABASE_URL", "SUPABASE_DB_URL"] as const;

/** Files that are called `.env.<name>` by custom and speak of no environment. */
const notEnvironments = new Set(["local", "example", "sample", "template"]);

/**
 * Lists the environments of a project: `local`, those its config names, and those that have a `.env.<name>` file
 * with a URL in it. A URL is taken from `<NAME>_DATABASE_URL` (process, then `.env.local`, then `.env`), then
 * from the config, then from `DATABASE_URL` or `SUPABASE_DB_URL` in `.env.<name>`.
 * @param root the project's folder
 * @param variables the process' environment
 * @throws InputError when the local server's URL is malformed or a file is unreadable
 */
export function readEnvironments(root: string, config: PantlerConfig, variables: Variables): Environment[] {
  const shared = [".env.local", ".env"].map((file) => ({ file, content: readVariables(root, file) }));
  const inShared = (name: string) =>
    shared.map(({ file, content }): [string | undefined, string] => [content[name], `${name} in ${file}`]);
  const own = new Map<string, Variables>();
  for (const file of readdirSync(root)) {
    const name = file.startsWith(".env.") ? file.slice(".env.".length) : "";
    if (!environmentName.test(name) || notEnvironments.has(name)) continue;
    const content = readVariables(root, file);
    if (urlNames.some((key) => content[key])) own.set(name, content);
  }
  const names = new Set([...Object.keys(config.environments ?? {}), ...own.keys()]);
  names.delete("local");
  const others = [...names].sort().map((name): Environment => {
    const settings = config.environments?.[name];
    const variable = urlVariable(name);
    const { found, problem } = attempt(() =>
      firstUrl([
        [variables[variable], variable],
        ...inShared(variable),
        [settings?.url, `environments.${name}.url in the config`],
        ...urlNames.map((key): [string | undefined, string] => [
          own.get(name)?.[key],
          `${key} in .env.${name}`,
        ]),
      ]),
    );
    return {
      name,
      protected: settings?.protected ?? true,
      url: found?.url,
      origin: found?.origin ?? `${variable}, or DATABASE_URL in .env.${name}`,
      problem,
      backups: resolveBackups(root, config.backups, settings?.backups),
      window: windowOf(config, name),
    };
  });
  const engine = firstUrl([
    [variables.PANTLER_ENGINE_URL, "PANTLER_ENGINE_URL"],
    ...inShared("PANTLER_ENGINE_URL"),
    [config.engine?.url, "engine.url in the config"],
  ]);
  const local: Environment = {
    name: "local",
    protected: config.environments?.local?.protected ?? false,
    url: engine?.url,
    origin: engine?.origin ?? "the embedded server",
    problem: undefined,
    backups: resolveBackups(root, config.backups, config.environments?.local?.backups),
    window: windowOf(config, "local"),
  };
  return [local, ...others];
}

/**
 * Reads a variable that belongs to no environment: from the process, then from `.env.local`, then from `.env`.
 * @returns undefined where it is nowhere, or empty
 * @throws InputError `env-file-unreadable`
 */
export function readVariable(root: string, variables: Variables, name: string): string | undefined {
  return variables[name] || readVariables(root, ".env.local")[name] || readVariables(root, ".env")[name];
}

/** The variable of the process' environment that holds the URL of an environment. */
export function urlVariable(name: string): string {
  return `${name.toUpperCase().replaceAll("-", "_")}_DATABASE_URL`;
}

function windowOf({ deploy, environments }: PantlerConfig, name: string): DeployWindow | undefined {
  const text = environments?.[name]?.deploy?.window ?? deploy?.window;
  return text === undefined ? undefined : parseDeployWindow(text);
}

interface FoundUrl {
  readonly url: DatabaseUrl;
  readonly origin: string;
}

function attempt(read: () => FoundUrl | undefined): {
  readonly found: FoundUrl | undefined;
  readonly problem: InputError | undefined;
} {
  try {
    return { found: read(), problem: undefined };
  } catch (error) {
    if (error instanceof InputError) return { found: undefined, problem: error };
    throw error;
  }
}

function firstUrl(candidates: readonly (readonly [string | undefined, string])[]): FoundUrl | undefined {
  for (const [text, origin] of candidates) {
    if (text) return { url: DatabaseUrl.parse(text, origin), origin };
  }
  return undefined;
}

function readVariables(root: string, name: string): Variables {
  const file = join(root, name);
  if (!existsSync(file)) return {};
  try {
    return parseEnv(readFileSync(file, "utf8"));
  } catch (error) {
    throw new InputError({
      code: "env-file-unreadable",
      message: `${name} cannot be read: ${messageOf(error)}`,
      state: "Nothing was done.",
      remedy: `Mend or remove ${file}.`,
      cause: error,
    });
  }
}
