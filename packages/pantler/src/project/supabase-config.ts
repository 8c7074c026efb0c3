import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, TomlError } from "smol-toml";
import { InputError, messageOf } from "../operation/index.js";

/** The part of supabase/config.toml that concerns a database. */
export interface SupabaseConfig {
  readonly projectId: string | undefined;
  readonly port: number | undefined;
  readonly seed: { readonly enabled: boolean; readonly paths: readonly string[] };
  /** The schemas that the API serves, where the file names them. */
  readonly apiSchemas: readonly string[] | undefined;
  /** False where `[api] auto_expose_new_tables` withdraws the default grants on new tables. */
  readonly exposesNewTables: boolean;
}

/**
 * Reads supabase/config.toml. Sections and `env(...)` values that do not concern us are left alone: real files
 * hold sections that even the newest Supabase CLI rejects.
 * @returns undefined when the project has no such file
 * @throws InputError `supabase-config-unreadable` when it is not TOML, `supabase-config-invalid`
 */
export function readSupabaseConfig(root: string): SupabaseConfig | undefined {
  const file = join(root, "supabase", "config.toml");
  if (!existsSync(file)) return undefined;
  let content: Record<string, unknown>;
  try {
    content = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new InputError({
      code: "supabase-config-unreadable",
      message: `supabase/config.toml cannot be read: ${describeTomlProblem(error)}.`,
      state: "Nothing was done.",
      remedy: "Mend the file.",
    });
  }
  const db = table(content.db);
  const port = typeof db.port === "number" ? db.port : undefined;
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65535)) {
    throw new InputError({
      code: "supabase-config-invalid",
      message: `supabase/config.toml: db.port is ${port}, which is no port.`,
      state: "Nothing was done.",
      remedy: "Give it a number from 1 to 65535.",
    });
  }
  const seed = table(db.seed);
  const api = table(content.api);
  return {
    projectId: typeof content.project_id === "string" ? content.project_id : undefined,
    port,
    seed: {
      enabled: seed.enabled !== false,
      paths: texts(seed.sql_paths) ?? ["./seed.sql"],
    },
    apiSchemas: texts(api.schemas),
    exposesNewTables: api.auto_expose_new_tables !== false,
  };
}

function texts(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : undefined;
}

function table(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** The parser's message and cause quote the lines around the place, and those may hold secrets. */
function describeTomlProblem(error: unknown): string {
  if (!(error instanceof TomlError)) return messageOf(error);
  const [summary = ""] = error.message.split("\n");
  return `line ${error.line}, column ${error.column}: ${summary.replace(/^Invalid TOML document: /, "")}`;
}
