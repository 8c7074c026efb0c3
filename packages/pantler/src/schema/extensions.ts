import type { Client } from "../postgres/index.js";

/** An extension of a database. */
export interface Extension {
  readonly name: string;
  readonly schema: string;
  readonly version: string;
  /**
   * Whether the project installed it. What Supabase puts into each database is made on a server that has it, and a
   * database without it is no lesser copy.
   */
  readonly required: boolean;
}

/** What Supabase puts into each database by itself, and where. */
export const managedExtensions: readonly (readonly [name: string, schema: string])[] = [
  ["pg_graphql", "graphql"],
  ["pg_stat_statements", "extensions"],
  ["pgcrypto", "extensions"],
  ["pgjwt", "extensions"],
  ["pgsodium", "pgsodium"],
  ["plpgsql", "pg_catalog"],
  ["supabase_vault", "vault"],
  ["uuid-ossp", "extensions"],
];

/** Whether an extension is one that Supabase puts into each database, in its place. */
export function isManagedExtension(name: string, schema: string | undefined): boolean {
  return managedExtensions.some(([known, place]) => known === name && place === schema);
}

/** Lists a database's extensions, without the language every database has. */
export async function readExtensions(client: Client): Promise<Extension[]> {
  const { rows } = await client.query<Omit<Extension, "required">>(
    `select extname as name, nspname as schema, extversion as version
     from pg_extension join pg_namespace on pg_namespace.oid = extnamespace
     where extname <> 'plpgsql'
     order by extname`,
  );
  return rows.map((extension) => ({
    ...extension,
    required: !isManagedExtension(extension.name, extension.schema),
  }));
}
