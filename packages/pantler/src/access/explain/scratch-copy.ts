import {
  copyIn,
  copyOut,
  listTables,
  prepareSession,
  type QualifiedName,
  sqlName,
  type Table,
} from "../../copy/index.js";
import { type ScratchServer, type Target, withScratch } from "../../engine/index.js";
import { counted, grouped, messageOf, stopWhenAborted } from "../../operation/index.js";
import { type Client, cancelOnAbort, isConnectionLoss, withClient } from "../../postgres/index.js";
import { dumpSchema, readRoles, renderRoles } from "../../schema/index.js";

/** No more rows of a table are copied: what is asked is how the plan behaves, not what every row says. */
const copiedAtMost = 200_000;

/** What would refuse rows that are made up, or do something about them. */
const leftOut = new Set(["FK CONSTRAINT", "TRIGGER", "EVENT TRIGGER", "RULE", "PUBLICATION"]);

export const untouched = "The environment was only read.";

/** A copy of an environment's schema and of some of its rows, on a server that goes away. */
export interface ScratchCopy {
  /** The superuser, who may do anything to it. */
  readonly client: Client;
  readonly server: ScratchServer;
  /** What is not as in the environment, in words. */
  readonly notes: readonly string[];
}

/**
 * Runs work with a copy of an environment: the whole schema, and the rows of the given tables and of auth.users.
 * @throws what reading the environment, starting a server and the work throw
 */
export async function withScratchCopy<Result>(
  target: Target,
  tables: readonly QualifiedName[],
  signal: AbortSignal | undefined,
  work: (copy: ScratchCopy) => Promise<Result>,
): Promise<Result> {
  const dump = await dumpSchema(target.url, { signal });
  return await withScratch(async (server) => {
    return await withClient(server.superuserUrl, async (client) => {
      const stopListening = await cancelOnAbort(client, server.superuserUrl, signal);
      try {
        const notes: string[] = [];
        await prepareSession(client);
        await client.query("set session_replication_role = replica");
        await withClient(target.url, async (source) => {
          await prepareSession(source);
          await client.query(renderRoles(await readRoles(source)));
          const [pre, post] = (["pre", "post"] as const).map((section) =>
            dump.entries
              .filter((entry) => entry.section === section && !leftOut.has(entry.type))
              .map(({ sql }) => sql),
          );
          notes.push(...(await apply(client, pre ?? [], signal)));
          notes.push(...(await copyRows(source, client, tables, signal)));
          // Without checks the rows that are made up may be like no real ones.
          notes.push(...(await apply(client, post ?? [], signal)));
        });
        await client.query("reset all; set session_replication_role = replica; set jit = off");
        return await work({ client, server, notes });
      } catch (error) {
        stopWhenAborted(signal, untouched, error);
        throw error;
      } finally {
        stopListening();
      }
    });
  });
}

/** Runs statements one by one. One that fails is told of: a trial that lacks something may still tell enough. */
async function apply(
  client: Client,
  statements: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const failed: string[] = [];
  for (const sql of statements) {
    stopWhenAborted(signal, untouched);
    try {
      await client.query(sql);
    } catch (error) {
      if (isConnectionLoss(error)) throw error;
      failed.push(messageOf(error));
    }
  }
  const [first] = failed;
  return first === undefined
    ? []
    : [`${counted(failed.length, "statement")} of the schema failed there: ${first}`];
}

async function copyRows(
  source: Client,
  client: Client,
  wanted: readonly QualifiedName[],
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const notes: string[] = [];
  const users: QualifiedName = { schema: "auth", name: "users" };
  const schemas = [...new Set(wanted.map(({ schema }) => schema))];
  const names = new Set(wanted.map(sqlName));
  const isWanted = (table: Table) => [table, ...table.partOf].some((each) => names.has(sqlName(each)));
  const there = (await listTables(source, schemas, [users])).filter(
    (table) => isWanted(table) || sqlName(table) === sqlName(users),
  );
  const here = await listTables(client, schemas, [users]);
  for (const table of there) {
    stopWhenAborted(signal, untouched);
    const counterpart = here.find((each) => sqlName(each) === sqlName(table));
    if (!counterpart) continue;
    if (table.unreadable !== undefined) {
      notes.push(`${table.schema}.${table.name} is empty there: ${table.unreadable}.`);
      continue;
    }
    notes.push(...(await copyTable(source, client, table, counterpart)));
  }
  return notes;
}

async function copyTable(
  source: Client,
  client: Client,
  table: Table,
  counterpart: Table,
): Promise<string[]> {
  const columns = table.columns.filter((column) => counterpart.columns.includes(column));
  const { rows } = await source.query<{ rows: number }>(
    "select greatest(reltuples, 0)::float8 as rows from pg_class where oid = $1::regclass",
    [sqlName(table)],
  );
  const estimate = rows[0]?.rows ?? 0;
  const isCut = estimate > copiedAtMost;
  const to = isCut ? Math.ceil((table.pages * copiedAtMost) / estimate) : undefined;
  const part = { table: { ...table, columns }, index: 0, of: 1, from: undefined, to, bytes: table.bytes };
  await client.query(`truncate ${sqlName(table)} cascade`);
  await copyOut(source, part, async (content) => await copyIn(client, table, columns, content));
  if (!isCut) return [];
  return [
    `${table.schema}.${table.name} was copied in part: about ${grouped(copiedAtMost)} of ${grouped(estimate)} rows.`,
  ];
}
