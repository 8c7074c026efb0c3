import pg from "pg";
import {
  type DeployRequest,
  type DeployResult,
  deploy,
  locateTarget,
  Operation,
  type OperationEvent,
  openProject,
  type Target,
} from "../../src/index.js";
import { applyMigrations } from "../../src/migrations/index.js";
import { withDatabaseUrl } from "./database.js";
import { query } from "./inspect.js";
import { withFolder, writeInside } from "./project.js";

/** A project whose environment `production` is a database of the test's own. */
export interface Production {
  readonly root: string;
  readonly url: string;
  readonly target: Target;
  readonly events: OperationEvent[];
  readonly write: (path: string, content: string) => void;
  readonly sql: (text: string) => Promise<Record<string, unknown>[]>;
  /** Deploys; it is confirmed unless said otherwise. */
  readonly deploy: (request?: Partial<DeployRequest>) => Promise<DeployResult>;
  /** Opens the project again, after its settings changed, or a copy of it in another folder. */
  readonly reopen: (folder?: string) => Promise<Production>;
  /** Has a session of somebody else hold a table, until it is told to give it back. */
  readonly holdTable: (name: string) => Promise<() => Promise<void>>;
}

/** What makes the tables that migrations of tests work on, applied before a test begins. */
const tables = `
create table public.jars (
  id int primary key,
  label text,
  updated_at timestamptz not null default now()
);
alter table public.jars enable row level security;
create policy jars_seen on public.jars for select to authenticated using (true);
`;

const rows = "insert into public.jars (id, label) select n, 'jar ' || n from generate_series(1, 200) as n";

/** The migration that is applied to begin with. */
export const firstVersion = "20260101000000";

/**
 * Runs a test with such a project, whose first migration is deployed and whose tables hold rows.
 * @param pending the scripts that are pending, by file name below `supabase/`
 */
export async function withProduction(
  pending: Readonly<Record<string, string>>,
  test: (production: Production) => Promise<void>,
  config: object = {},
): Promise<void> {
  await withDatabaseUrl(async (url) => {
    const files = {
      "supabase/config.toml": 'project_id = "pantry"\n',
      "pantler.config.json": JSON.stringify(config),
      ".env.production": `DATABASE_URL=${url}\n`,
      [`supabase/migrations/${firstVersion}_jars.sql`]: tables,
      [`supabase/rollbacks/${firstVersion}_jars.sql`]: "drop table public.jars;\n",
    };
    await withFolder(files, async (root) => {
      const production = await openProduction(root, url);
      await applyMigrations(production.target, {}, new Operation());
      await query(url, rows);
      for (const [path, content] of Object.entries(pending)) production.write(`supabase/${path}`, content);
      production.events.length = 0;
      await test(production);
    });
  });
}

async function openProduction(root: string, url: string): Promise<Production> {
  const events: OperationEvent[] = [];
  const target = await locateTarget(await openProject({ from: root, variables: {} }), "production");
  return {
    root,
    url,
    target,
    events,
    write: (path, content) => writeInside(root, path, content),
    sql: (text) => query(url, text),
    reopen: async (folder = root) => await openProduction(folder, url),
    holdTable: async (name) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query(`begin; lock table ${name}`);
      return async () => await client.end();
    },
    deploy: async (request = {}) => {
      const operation = new Operation((event) => events.push(event));
      return await deploy(target, { keys: {}, confirm: async ({ phrase }) => phrase, ...request }, operation);
    },
  };
}
