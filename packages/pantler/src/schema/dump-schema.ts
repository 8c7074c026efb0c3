import {
  loadParser,
  quoteIdentifier,
  quoteQualified,
  refuseTransactionPooler,
  withClient,
} from "../postgres/index.js";
import type { DatabaseUrl } from "../project/index.js";
import { runBundledPgDump } from "./bundled-pg-dump.js";
import type { DumpEntry } from "./dump-entry.js";
import { type DumpFacts, readDumpFacts } from "./dump-facts.js";
import { readPgDumpText } from "./pg-dump-text.js";
import { refineEntry } from "./refine-entry.js";

export interface DumpRequest {
  /** A snapshot that another session exported; without it pg_dump takes its own. */
  readonly snapshot?: string | undefined;
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
 * extensions.
 */
export async function dumpSchema(url: DatabaseUrl, request: DumpRequest = {}): Promise<SchemaDump> {
  refuseTransactionPooler(url);
  const [facts] = await Promise.all([readFacts(url, request.snapshot), loadParser()]);
  const text = await runBundledPgDump(url, pgDumpArguments(facts, request.snapshot), request.signal);
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
  const of = (wanted: DumpEntry["section"]) => entries.filter((entry) => entry.section === wanted);
  return { entries: [...of("pre"), ...of("post")], leftOut };
}

async function readFacts(url: DatabaseUrl, snapshot: string | undefined): Promise<DumpFacts> {
  return await withClient(url, async (client) => {
    await client.query("begin isolation level repeatable read read only; set local search_path = ''");
    if (snapshot) await client.query(`set transaction snapshot '${snapshot}'`);
    return await readDumpFacts(client);
  });
}

function pgDumpArguments(facts: DumpFacts, snapshot: string | undefined): string[] {
  const foreign = facts.managed.filter((name) => !facts.dumped.includes(name));
  return [
    ...["--schema-only", "--no-subscriptions", "--no-tablespaces", "--no-table-access-method"],
    ...["--encoding=UTF8", "--lock-wait-timeout=30000", `--exclude-table=${restoreMarker}`],
    ...foreign.map((name) => `--exclude-schema=${quoteIdentifier(name)}`),
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
