import { isUsable, listStores } from "../../backup/index.js";
import { findServer } from "../../engine/index.js";
import { readMigrationList } from "../../migrations/index.js";
import { PantlerError } from "../../operation/index.js";
import { type Client, requireServer, withClient } from "../../postgres/index.js";
import type { DatabaseUrl, Environment, Project } from "../../project/index.js";

/** The last deployment that is on record in an environment. */
export interface LastDeployment {
  readonly id: string;
  /** When it began. */
  readonly at: string;
  readonly outcome: string;
}

export interface ListedEnvironment {
  readonly name: string;
  readonly protected: boolean;
  /** Undefined where it is not known, or where the local server does not run. */
  readonly url: DatabaseUrl | undefined;
  /** Why it cannot be reached, where it cannot. */
  readonly problem: PantlerError | undefined;
  /** What the server calls itself, such as `17.10`. */
  readonly version: string | undefined;
  /** How many migrations are applied, and how many are pending. */
  readonly applied: number | undefined;
  readonly pending: number | undefined;
  readonly deployment: LastDeployment | undefined;
  /** The newest backup that is proven. */
  readonly backup: { readonly id: string; readonly at: string } | undefined;
}

/** Tells how the environments of a project stand; nothing is started, and one that cannot be reached says so. */
export async function listEnvironments(project: Project): Promise<ListedEnvironment[]> {
  const backups = await provenBackups(project);
  return await Promise.all(
    project.environments.map(async (environment) => {
      const { name } = environment;
      const url = environment.url ?? (name === "local" ? findServer(project)?.url : undefined);
      const known = { name, protected: environment.protected, url, backup: backups.get(name) };
      return { ...known, ...(await look(project, environment, url)) };
    }),
  );
}

type Seen = Pick<ListedEnvironment, "problem" | "version" | "applied" | "pending" | "deployment">;

const unseen: Seen = {
  problem: undefined,
  version: undefined,
  applied: undefined,
  pending: undefined,
  deployment: undefined,
};

async function look(project: Project, { problem }: Environment, url: DatabaseUrl | undefined): Promise<Seen> {
  if (!url) return { ...unseen, problem };
  try {
    return await withClient(url, async (client) => {
      await requireServer(client, url);
      const { rows } = await client.query<{ version: string }>(
        "select split_part(current_setting('server_version'), ' ', 1) as version",
      );
      const { migrations } = await readMigrationList(client, project);
      const pending = migrations.filter(
        ({ state }) => state === "pending" || state === "out-of-order",
      ).length;
      return {
        ...unseen,
        version: rows[0]?.version,
        applied: migrations.length - pending,
        pending,
        deployment: await lastDeployment(client),
      };
    });
  } catch (error) {
    if (error instanceof PantlerError) return { ...unseen, problem: error };
    throw error;
  }
}

async function lastDeployment(client: Client): Promise<LastDeployment | undefined> {
  const { rows: there } = await client.query<{ there: boolean }>(
    `select exists (
       select from pg_class
       join pg_namespace on pg_namespace.oid = relnamespace
       where nspname = 'pantler'
         and relname = 'deployments'
         and has_schema_privilege(relnamespace, 'usage')
         and has_table_privilege(pg_class.oid, 'select')
     ) as there`,
  );
  if (!there[0]?.there) return undefined;
  const { rows } = await client.query<{ id: string; at: Date; outcome: string }>(
    "select id, started_at as at, outcome from pantler.deployments order by started_at desc limit 1",
  );
  return rows[0] && { ...rows[0], at: rows[0].at.toISOString() };
}

/** The newest proven backup of each environment. A store that cannot be read has none to tell of. */
async function provenBackups(project: Project): Promise<Map<string, { id: string; at: string }>> {
  const newest = new Map<string, { id: string; at: string }>();
  for (const { backups } of await listStores(project)) {
    for (const { id, manifest, proven } of backups.filter(isUsable)) {
      if (!proven || manifest.project !== project.name) continue;
      const known = newest.get(manifest.environment);
      if (!known || known.at < manifest.createdAt) {
        newest.set(manifest.environment, { id, at: manifest.createdAt });
      }
    }
  }
  return newest;
}
