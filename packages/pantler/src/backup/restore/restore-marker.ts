import { randomUUID } from "node:crypto";
import { sqlName } from "../../copy/index.js";
import { RefusedError } from "../../operation/index.js";
import { type Client, quoteIdentifier, quoteLiteral } from "../../postgres/index.js";
import type { DatabaseUrl } from "../../project/index.js";
import { markerTable } from "../contents.js";

/** Whether a restore into this database began and did not end. */
export async function isHalfRestored(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>("select to_regclass($1) is not null as there", [
    sqlName(markerTable),
  ]);
  return rows[0]?.there ?? false;
}

/**
 * Refuses a database that a restore has not finished, to take a backup of it or to change rows in it.
 * @throws RefusedError `restore-unfinished`
 */
export async function refuseHalfRestored(client: Client, url: DatabaseUrl): Promise<void> {
  if (!(await isHalfRestored(client))) return;
  throw new RefusedError({
    code: "restore-unfinished",
    message: `A restore into ${url} runs, or began and did not end: what is there is only a part of a backup.`,
    state: "Nothing was done.",
    remedy: "First run that restore again, which starts over.",
  });
}

/** What an empty database has all the same, and what of the server a restore may add to. */
export interface Before {
  readonly extensions: readonly string[];
  /** The roles that the restore has to make. */
  readonly missingRoles: readonly string[];
  /** Rights, default privileges and publications, as the text of a schema. */
  readonly schema: string;
}

/** What an earlier restore that did not end had found; undefined when there was none. */
export async function readMarker(client: Client): Promise<Before | undefined> {
  if (!(await isHalfRestored(client))) return undefined;
  return (await client.query<{ before: Before }>(`select before from ${sqlName(markerTable)}`)).rows[0]
    ?.before;
}

/**
 * Says in the database that a restore into it began, in place of all else that Pantler has noted there.
 * @param id the backup
 * @param before what is to be there again if the restore fails
 * @returns what tells this restore from any other
 */
export async function setMarker(client: Client, id: string, before: Before): Promise<string> {
  const token = randomUUID();
  const values = [id, token, JSON.stringify(before)].map(quoteLiteral);
  await client.query(`
    begin;
    drop schema if exists pantler cascade;
    create schema pantler;
    create table ${sqlName(markerTable)} (
      backup text not null, token text not null, before json not null, started_at timestamptz not null default now()
    );
    insert into ${sqlName(markerTable)} (backup, token, before) values (${values.join(", ")});
    commit;
  `);
  return token;
}

/**
 * Tells whose restore fills the database: still the one that a token belongs to, another one that has begun since, or
 * none, since that one is done.
 */
export async function whoFills(client: Client, token: string): Promise<"this" | "another" | "none"> {
  if (!(await isHalfRestored(client))) return "none";
  const { rows } = await client.query<{ ours: boolean }>(
    `select exists (select from ${sqlName(markerTable)} where token = $1) as ours`,
    [token],
  );
  return rows[0]?.ours ? "this" : "another";
}

/**
 * Takes the marker away.
 * @param keepsSchema whether its schema is part of what is there otherwise
 */
export async function dropMarker(client: Client, keepsSchema: boolean): Promise<void> {
  await client.query(`drop table ${sqlName(markerTable)}`);
  if (!keepsSchema) await client.query(`drop schema ${quoteIdentifier(markerTable.schema)}`);
}
