import { EnvironmentError } from "../operation/index.js";
import type { Client } from "../postgres/index.js";

/**
 * What decides how the server prints a row and reads it back. Everything that copies, digests or compares rows runs
 * under these, so that the same row is the same text everywhere (https://www.postgresql.org/docs/17/runtime-config-client.html).
 * No limit of the role's own may end a long copy half-way.
 */
export const rowSettings = `
set client_encoding = 'UTF8';
set datestyle = 'ISO, YMD';
set intervalstyle = 'postgres';
set timezone = 'UTC';
set extra_float_digits = 3;
set bytea_output = 'hex';
set xmlbinary = 'base64';
set xmloption = 'content';
set lc_monetary = 'C';
set array_nulls = on;
set standard_conforming_strings = on;
set quote_all_identifiers = off;
set row_security = off;
set check_function_bodies = off;
set synchronize_seqscans = off;
set jit = off;
set default_tablespace = '';
set default_table_access_method = 'heap';
set statement_timeout = 0;
set idle_in_transaction_session_timeout = 0;
set idle_session_timeout = 0;
set search_path = '';
do '
begin
  -- It came with 17.
  if current_setting(''transaction_timeout'', true) is not null then
    set transaction_timeout = 0;
  end if;
end
';
`;

/**
 * Prepares a session for copying, digesting or restoring rows. With row security off a statement whose rows a policy
 * would hide from the role fails instead of leaving them out.
 */
export async function prepareSession(client: Client): Promise<void> {
  await client.query(rowSettings);
}

/**
 * Refuses a database whose texts are not kept as UTF-8. Rows are copied as UTF-8, while the server hashes their bytes as
 * it keeps them, so digests would differ; and of SQL_ASCII it gives out nothing that is not UTF-8 by chance.
 * @throws EnvironmentError `encoding-unsupported`
 */
export async function requireUtf8(client: Client): Promise<void> {
  const { rows } = await client.query<{ encoding: string }>(
    "select current_setting('server_encoding') as encoding",
  );
  const encoding = rows[0]?.encoding;
  if (encoding === "UTF8") return;
  throw new EnvironmentError({
    code: "encoding-unsupported",
    message: `The database keeps its texts in the encoding ${encoding}; only UTF8 can be copied.`,
    state: "Nothing was done.",
    remedy: "Move it into a database made with encoding UTF8: pg_dump --encoding=UTF8, then psql.",
  });
}
