import { readFileSync } from "node:fs";
import pg from "pg";

/** What a test may want to do without: see the head of fixtures/torture.sql. */
export type TortureKind =
  | "hash of enums"
  | "hostile settings"
  | "rights of the owner"
  /** All of those below. */
  | "beyond pg_dump"
  | "exclusion of partitions"
  | "granted by others"
  | "order of columns"
  | "owned by others"
  | "search path";

export interface TortureOptions {
  /** Leaves out what newer servers than this major brought; by default it is the server's own. */
  readonly major?: number;
  readonly without?: readonly TortureKind[];
}

interface Part {
  readonly title: string;
  readonly tags: readonly string[];
  readonly text: string;
}

/** What a session needs so that the file means the same on every server. */
const settings = `
  set client_min_messages = warning;
  set datestyle = 'ISO, MDY';
  set timezone = 'UTC';
  set standard_conforming_strings = on;
  set xmloption = content;
  set check_function_bodies = off;
`;

/**
 * Fills a plain database with everything that can go wrong when it is dumped, copied or restored, with rows: the
 * parts of fixtures/torture.sql that its owner, who is no superuser, may run on this server.
 * @param url the address as the owner, with the password
 * @throws Error that names the part and holds the server's message
 */
export async function loadTorture(url: string, options: TortureOptions = {}): Promise<void> {
  const left: readonly string[] = ["superuser", ...(options.without ?? [])];
  await load(url, "torture.sql", options.major, (tags) => !tags.some((tag) => left.includes(tag)));
}

/**
 * Adds what only a superuser can make to a database that `loadTorture` has filled: event triggers, operator
 * classes, foreign tables, publications of everything.
 * @param url the address as a superuser, with the password
 */
export async function loadTortureOfSuperuser(url: string): Promise<void> {
  await load(url, "torture.sql", undefined, (tags) => tags.includes("superuser"));
}

/**
 * Fills a database of the Supabase-shaped base with what a project has there: users and their profiles, files,
 * policies, publications, a ledger, a job.
 * @param url the address as `postgres`, with the password
 */
export async function loadTortureOfSupabase(url: string): Promise<void> {
  await load(url, "torture-supabase.sql", undefined, () => true);
}

/** Adds large objects, which a backup has to name as left out. */
export async function loadLargeObjects(url: string): Promise<void> {
  await withSession(url, async (client) => {
    await client.query(`
      select lo_from_bytea(4000001, '\\x00ff0a5c'), lo_from_bytea(4000002, convert_to(repeat('large ', 100000), 'UTF8'));
      comment on large object 4000001 is 'small for a large one';
      create table public.torture_large (id int primary key, body oid);
      insert into public.torture_large values (1, 4000001), (2, 4000002);
    `);
  });
}

async function load(
  url: string,
  file: string,
  wantedMajor: number | undefined,
  wants: (tags: readonly string[]) => boolean,
): Promise<void> {
  await withSession(url, async (client, serverMajor) => {
    const major = Math.min(wantedMajor ?? serverMajor, serverMajor);
    for (const { title, tags, text } of readParts(file)) {
      if (!wants(tags) || !tags.every((tag) => Number(/^from (\d+)$/.exec(tag)?.[1] ?? 0) <= major)) continue;
      try {
        await client.query(text);
      } catch (error) {
        throw new Error(`${file} does not load, part "${title}": ${inWords(text, error)}`, { cause: error });
      }
    }
  });
}

function readParts(file: string): Part[] {
  const whole = readFileSync(new URL(`../fixtures/${file}`, import.meta.url), "utf8");
  const [, ...parts] = whole.split(/^-- part: /m);
  return parts.map((text) => {
    const [heading = ""] = text.split("\n");
    const tags = [...heading.matchAll(/\[(.+?)\]/g)].map(([, tag]) => tag ?? "");
    return { title: heading.replace(/ \[.*/, ""), tags, text: `-- ${text}` };
  });
}

async function withSession(
  url: string,
  work: (client: pg.Client, major: number) => Promise<void>,
): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(settings);
    const { rows } = await client.query<{ version: string }>(
      "select current_setting('server_version_num') as version",
    );
    await work(client, Math.floor(Number(rows[0]?.version) / 10_000));
  } finally {
    await client.end();
  }
}

/** The server's message, and the line of the statement that it points at. */
function inWords(text: string, error: unknown): string {
  if (!(error instanceof pg.DatabaseError)) return String(error);
  // The server counts characters, not UTF-16 units.
  const before = [...text].slice(0, Number(error.position ?? 0)).join("");
  const line = error.position === undefined ? "" : `\n${text.split("\n")[before.split("\n").length - 1]}`;
  return [error.message, error.detail, error.where].filter(Boolean).join("\n") + line;
}
