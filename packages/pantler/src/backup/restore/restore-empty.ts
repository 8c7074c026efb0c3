import { type Operation, stopWhenAborted } from "../../operation/index.js";
import type { Client } from "../../postgres/index.js";
import type { DatabaseUrl } from "../../project/index.js";
import { dumpSchema, renderEntries } from "../../schema/index.js";
import { recordsSchema } from "./clear-project.js";
import { type Begun, emptied, emptyAgain, fillingFailed } from "./empty-again.js";
import { type Before, dropMarker, readMarker, setMarker } from "./restore-marker.js";
import { fillEmpty } from "./restore-parallel.js";
import { rowsDiffer } from "./restore-verify.js";
import { hasSchema, isAuth, type Whole } from "./restore-whole.js";

/**
 * Restores into a database that holds nothing yet, or what a restore left that did not end. Then the database has
 * everything, or it is as it was before that. A marker in it tells of the restore as long as it runs.
 * @param client a session that does none of the work
 * @throws UnchangedError `rows-differ`, `interrupted`, `restore-failed`
 * @throws NeedsHandsError `half-restored`
 */
export async function restoreIntoEmpty(
  client: Client,
  url: DatabaseUrl,
  whole: Whole,
  operation: Operation,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { id } = whole.reader.manifest;
  const begun: Begun = {
    id,
    before: (await readMarker(client)) ?? (await lookBefore(client, url, whole)),
    token: undefined,
    filled: false,
    sessions: [],
    authTables: whole.tables.filter(isAuth),
  };
  try {
    await fillEmpty(url, whole, operation, signal, {
      onSession: (session) => begun.sessions.push(session),
      onAlone: async (worker) => {
        begun.token = await setMarker(worker, id, begun.before);
      },
      judge: (differences) => {
        if (differences.length > 0) throw rowsDiffer(differences, emptied);
      },
      onFilled: async (worker) => {
        await dropMarker(worker, hasSchema(whole.pre, recordsSchema));
        begun.filled = true;
      },
    });
  } catch (error) {
    if (!(await emptyAgain(url, begun, error))) return;
    stopWhenAborted(signal, emptied, error);
    throw fillingFailed(error);
  }
}

async function lookBefore(client: Client, url: DatabaseUrl, { reader }: Whole): Promise<Before> {
  const { rows } = await client.query<Omit<Before, "schema">>(
    `select
       array(select extname::text from pg_extension) as extensions,
       array(select name from unnest($1::text[]) as needed (name) where name not in (select rolname from pg_roles))
         as "missingRoles"`,
    [reader.manifest.roles],
  );
  const { extensions = [], missingRoles = [] } = rows[0] ?? {};
  const { entries } = await dumpSchema(url);
  return { extensions, missingRoles, schema: renderEntries(entries) };
}
