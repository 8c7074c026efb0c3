/**
 * Schemas whose content belongs to Supabase, to an extension or to Pantler, not to the project
 * (https://supabase.com/docs/guides/database/connecting-to-postgres lists Supabase's own).
 */
export const managedSchemas: readonly string[] = [
  "auth",
  "cron",
  "extensions",
  "graphql",
  "graphql_public",
  "information_schema",
  "net",
  "pantler",
  "pgbouncer",
  "pgsodium",
  "pgsodium_masks",
  "realtime",
  "storage",
  "supabase_functions",
  "supabase_migrations",
  "vault",
];
