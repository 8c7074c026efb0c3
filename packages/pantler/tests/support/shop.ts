import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createBackup, locateTarget, Operation, openProject } from "../../src/index.js";
import { type CliOptions, type CliRun, pantler } from "./cli.js";
import { withDatabaseUrl } from "./database.js";
import { query } from "./inspect.js";
import { withFolder, writeInside } from "./project.js";

/** A project with a small database, and the command line in its folder. */
export interface Shop {
  readonly folder: string;
  /** The address of the local environment. */
  readonly url: string;
  readonly cli: (words: readonly string[], options?: CliOptions) => Promise<CliRun>;
  readonly sql: (text: string) => Promise<Record<string, unknown>[]>;
  readonly write: (path: string, content: string | Uint8Array) => void;
  /** What the run said, with what differs from run to run taken out. */
  readonly said: (text: string) => string;
  /** Takes a backup and returns its id. */
  readonly backUp: (...words: string[]) => Promise<string>;
}

const tables = `
  create table public.jars (id int primary key, label text);
  create table public.lids (id int primary key, jar_id int references public.jars);
  insert into public.jars select n, 'jar ' || n from generate_series(1, 100) as n;
  insert into public.lids select n, n from generate_series(1, 10) as n`;

/**
 * Runs a test with such a project.
 * @param config the settings of its pantler.config.json
 */
export async function withShop(test: (shop: Shop) => Promise<void>, config: object = {}): Promise<void> {
  await withDatabaseUrl(async (url) => {
    const files = {
      "pantler.config.json": JSON.stringify({ name: "shop", ...config }),
      ".env": `PANTLER_ENGINE_URL=${url}\n`,
    };
    await withFolder(files, async (folder) => {
      await query(url, tables);
      mkdirSync(join(folder, "supabase/migrations"), { recursive: true });
      const cli = async (words: readonly string[], options: CliOptions = {}) =>
        await pantler(words, { cwd: folder, ...options });
      await test({
        folder,
        url,
        cli,
        sql: (text) => query(url, text),
        write: (path, content) => writeInside(folder, path, content),
        said: (text) => masked(text, folder, url),
        backUp: async (...words) => {
          if (words.length === 0) return await backUpHere(folder);
          const run = await cli(["backup", "create", ...words, "--json"]);
          if (run.code !== 0) throw new Error(`no backup was taken: ${run.stdout}`);
          return String(run.result.id);
        },
      });
    });
  });
}

/** Without a process of its own, which takes as long as the backup. */
async function backUpHere(folder: string): Promise<string> {
  const project = await openProject({ folder, from: folder, variables: {} });
  const target = await locateTarget(project, "local");
  return (await createBackup(target, {}, new Operation())).id;
}

/** The ids of the archives in a store, whether they are listed or not. */
export function archivesIn(folder: string): string[] {
  return (existsSync(folder) ? readdirSync(folder) : []).filter((name) => name !== ".gitignore");
}

function masked(text: string, folder: string, url: string): string {
  return text
    .replaceAll(folder, "<folder>")
    .replaceAll(url.replace(/:[^:@]*@/, "@"), "<url>")
    .replaceAll(new URL(url).pathname.slice(1), "<database>")
    .replaceAll(/\d{8}T\d{6}Z-[0-9a-f]{6}/g, "<id>")
    .replaceAll(/(?<=pantler backup [a-z]+ )[0-9a-f]{6}\b/g, "<end of id>")
    .replaceAll(/\b[0-9a-f]{16}\b/g, "<fingerprint>")
    .replaceAll(/\d+(\.\d+)? (ms|s)\b/g, "<time>")
    .replaceAll(/\d+(\.\d+)? (bytes|kB)\b/g, "<size>")
    .replaceAll(/\d+ objects/g, "<n> objects")
    .replaceAll(/PostgreSQL [\d.]+/g, "PostgreSQL <version>");
}
