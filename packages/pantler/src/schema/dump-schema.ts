import { stopWhenAborted } from "../operation/index.js";
import {
  loadParser,
  quoteIdentifier,
  quoteLiteral,
  quoteQualified,
  refuseTransactionPooler,
  withClient,
} from "../postgres/index.js";
import type { DatabaseUrl } from "../project/index.js";
import { type AddedEntries, readAddedEntries } from "./added-entries.js";
import { settingsForDefinitions } from "./definition-settings.js";
import type { DumpEntry } from "./dump-entry.js";
import { type DumpFacts, excludedSchemas, readDumpFacts } from "./dump-facts.js";
import { inOrder } from "./entry-order.js";
import { readNotDumped } from "./left-out.js";
import { runPgDump } from "./pg-dump.js";
import { unchanged } from "./pg-dump-failure.js";
import { readPgDumpText } from "./pg-dump-text.js";
import { refineEntry } from "./refine-entry.js";

export interface DumpRequest {
  /** A snapshot that another session exported; without it pg_dump takes its own. */
  readonly snapshot?: string | undefined;
  /** How long to wait for a table that another session has locked, in milliseconds; 30 seconds by default. */
  readonly lockTimeout?: number | undefined;
  /** Interrupts the dump, on the server too. */
  readonly signal?: AbortSignal | undefined;
}

/** What a project's schema is made of, as statements. */
export interface SchemaDump {
  /** First what has to be there before rows are, then what is better made after them; each in an order that works. */
  readonly entries: readonly DumpEntry[];
  /** In words, what the dump leaves out although somebody may miss it. */
  readonly leftOut: readonly string[];
}

/** Tells of a restore that runs, and is no part of what is restored. */
const restoreMarker = quoteQualified("pantler", "restore_in_progress");

/**
 * Reads a project's schema as statements that make it again: pg_dump's own, without what belongs to Supabase or to
 * extensions, and with what the project put into Supabase's schemas.
 *
 * Run under `search_path = ''`, `check_function_bodies = off` and `standard_conforming_strings = on`, entry by entry in
 * their order, they make the schema in an empty database and in one that Supabase has prepared, as a role that is no
 * superuser. Settings by which a database or a role prints in other ways do not change them.
 * @throws EnvironmentError `schema-unreadable` naming what the role may not read, `connection-lost`, `pg-dump-too-old`,
 * `pg-dump-missing`, `transaction-pooler`
 * @throws UnchangedError `interrupted`, `table-locked`
 */
export async function dumpSchema(url: DatabaseUrl, request: DumpRequest = {}): Promise<SchemaDump> {
  refuseTransactionPooler(url);
  stopWhenAborted(request.signal, unchanged);
  const [{ facts, added, notDumped }] = await Promise.all([
    readCatalogs(url, request.snapshot),
    loadParser(),
  ]);
  const text = await runPgDump(url, {
    args: pgDumpArguments(facts, request.snapshot),
    server: facts.major,
    plainStrings: facts.plainStrings,
    lockTimeout: request.lockTimeout,
    signal: request.signal,
  });
  const entries: DumpEntry[] = [];
  const leftOut: string[] = [];
  let section: DumpEntry["section"] = "pre";
  for (const raw of readPgDumpText(text, facts)) {
    if (afterRows.has(raw.type)) section = "post";
    // Rights are printed last, and are needed as soon as what they are for.
    const refined = refineEntry(raw, raw.type === "ACL" ? "pre" : section, facts);
    if ("kept" in refined) entries.push(refined.kept);
    else if (refined.leftOut) leftOut.push(refined.leftOut);
  }
  return { entries: inOrder(entries, added), leftOut: [...leftOut, ...notDumped] };
}

async function readCatalogs(
  url: DatabaseUrl,
  snapshot: string | undefined,
): Promise<{ facts: DumpFacts; added: AddedEntries; notDumped: string[] }> {
  return await withClient(url, async (client) => {
    await client.query("begin isolation level repeatable read read only");
    if (snapshot) await client.query(`set transaction snapshot ${quoteLiteral(snapshot)}`);
    await client.query(settingsForDefinitions);
    const facts = await readDumpFacts(client);
    const excluded = excludedSchemas(facts);
    return {
      facts,
      added: await readAddedEntries(client, excluded),
      notDumped: await readNotDumped(client, excluded),
    };
  });
}

function pgDumpArguments(facts: DumpFacts, snapshot: string | undefined): string[] {
  return [
    ...["--schema-only", "--no-subscriptions", "--no-tablespaces", "--no-table-access-method"],
    ...["--encoding=UTF8", `--exclude-table=${restoreMarker}`],
    ...excludedSchemas(facts).map((name) => `--exclude-schema=${quoteIdentifier(name)}`),
    ...(snapshot ? [`--snapshot=${snapshot}`] : []),
  ];
}

/**
 * What pg_dump puts into its section `post-data` (SECTION_POST_DATA in pg_dump.c). One run instead of one for each section
 * halves the time; the entries of a section stand together, so that the first of these begins the second one.
 */
const afterRows = new Set([
  ...[
    "CHECK CONSTRAINT",
    "CONSTRAINT",
    "DEFAULT ACL",
    "EVENT TRIGGER",
    "FK CONSTRAINT",
    "INDEX",
    "INDEX ATTACH",
  ],
  ...["POLICY", "PUBLICATION", "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA", "ROW SECURITY", "RULE"],
  ...["STATISTICS", "TRIGGER"],
]);
