import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { InputError } from "../operation/index.js";

/** The part of supabase/config.toml that concerns a database. */
export interface SupabaseConfig {
  readonly projectId: string | undefined;
  readonly port: number | undefined;
  readonly seed: { readonly enabled: boolean; readonly paths: readonly string[] };
  /** False where `[api] auto_expose_new_tables` withdraws the default grants on new tables. */
  readonly exposesNewTables: boolean;
}

/**
 * Reads supabase/config.toml. Sections and `env(...)` values that do not concern us are left alone: real files
 * hold sections that even the newest Supabase CLI rejects.
 * @returns undefined when the project has no such file
 * @throws InputError `supabase-config-unreadable` when it is not TOML
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
      message: `supabase/config.toml cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      state: "Nothing was done.",
      remedy: "Mend the file.",
      cause: error,
    });
  }
  const db = table(content.db);
  const seed = table(db.seed);
  const paths = Array.isArray(seed.sql_paths)
    ? seed.sql_paths.filter((path) => typeof path === "string")
    : [];
  return {
    projectId: typeof content.project_id === "string" ? content.project_id : undefined,
    port: typeof db.port === "number" ? db.port : undefined,
    seed: {
      enabled: seed.enabled !== false,
      paths: Array.isArray(seed.sql_paths) ? paths : ["./seed.sql"],
    },
    exposesNewTables: table(content.api).auto_expose_new_tables !== false,
  };
}

function table(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
