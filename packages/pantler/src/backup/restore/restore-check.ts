import { EnvironmentError } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import type { DatabaseUrl } from "../../project/index.js";
import type { Manifest } from "../archive/manifest.js";

/**
 * Refuses a server that cannot take what an archive holds, before anything is touched.
 * @param major the server's
 * @throws EnvironmentError `server-older`, `extension-missing`
 */
export async function requireFit(
  client: Client,
  url: DatabaseUrl,
  major: number,
  manifest: Manifest,
): Promise<void> {
  if (major < manifest.source.major) {
    throw new EnvironmentError({
      code: "server-older",
      message: `The backup ${manifest.id} is from PostgreSQL ${manifest.source.major}, and ${url} is PostgreSQL ${major}.`,
      state: "Nothing was touched.",
      remedy: `Restore it into PostgreSQL ${manifest.source.major} or newer: what a newer server wrote an older one may not understand.`,
    });
  }
  const { rows } = await client.query<{ name: string }>(
    `select name
     from unnest($1::text[]) as needed (name)
     where name not in (select name from pg_available_extensions) and name not in (select extname from pg_extension)`,
    [manifest.extensions.filter(({ required }) => required !== false).map(({ name }) => name)],
  );
  if (rows.length === 0) return;
  const names = rows.map(({ name }) => name).join(", ");
  throw new EnvironmentError({
    code: "extension-missing",
    message: `The server at ${url} does not have ${rows.length === 1 ? "the extension" : "the extensions"} ${names}, which the backup needs.`,
    state: "Nothing was touched.",
    remedy: "Install it on that server, or restore into one that has it.",
  });
}
