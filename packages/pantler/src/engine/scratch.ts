import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { withReleases } from "../operation/index.js";
import type { DatabaseUrl } from "../project/index.js";
import { type Cluster, localUrl, startCluster, stopCluster, superuser } from "./cluster.js";
import { makeCacheFolder, makeFolder, removeTree, scratchPath, scratchPrefix } from "./files.js";
import { isAlive } from "./processes.js";
import type { Installation } from "./server-files.js";
import { copyTemplate, ensureInstallation } from "./template.js";

/** A server that lives as long as the work it is for. */
export interface ScratchServer {
  /** The database `postgres` as the role that migrations run as, which is no superuser. */
  readonly url: DatabaseUrl;
  /** The same database as the bootstrap superuser. */
  readonly superuserUrl: DatabaseUrl;
}

/** Nothing on a scratch server has to outlive a power cut. */
const scratchSettings = { fsync: "off", full_page_writes: "off", synchronous_commit: "off" };

/** After this many milliseconds a scratch folder of another machine is taken for abandoned. */
const abandonedAfter = 24 * 60 * 60 * 1000;

/**
 * Runs work with a server of its own, a copy of the template. The server and its data are removed whatever
 * happens; what a killed process left behind is removed by the next one that starts a server.
 * @throws what starting a server and the work throw
 */
export async function withScratch<Result>(work: (server: ScratchServer) => Promise<Result>): Promise<Result> {
  const installation = await ensureInstallation();
  await sweepScratch(installation);
  return await withReleases(async (onRelease) => {
    const folder = await scratchPath(installation.user);
    onRelease(() => removeTree(folder));
    await makeFolder(folder, installation.user, 0o755);
    const cluster = scratchCluster(installation, folder);
    await copyTemplate(installation, cluster.dataFolder);
    onRelease(async () => {
      await stopCluster(cluster, "immediate");
    });
    const server = await startCluster(cluster, [0]);
    return await work({ url: localUrl(server, "postgres"), superuserUrl: localUrl(server, superuser) });
  });
}

/** Stops and removes the scratch servers of processes that are no more. */
export async function sweepScratch(installation: Installation): Promise<void> {
  const scratch = await makeCacheFolder(installation.user, "scratch");
  for (const name of await readdir(scratch)) {
    const folder = join(scratch, name);
    if (!(await isAbandoned(folder, name))) continue;
    // What somebody else is sweeping, or owns, is nothing to stop for.
    await stopCluster(scratchCluster(installation, folder), "immediate").catch(() => {});
    await removeTree(folder).catch(() => {});
  }
}

function scratchCluster(installation: Installation, folder: string): Cluster {
  return {
    installation,
    dataFolder: join(folder, "data"),
    logFile: join(folder, "server.log"),
    settings: scratchSettings,
    socket: false,
  };
}

async function isAbandoned(folder: string, name: string): Promise<boolean> {
  const [, prefix, pid] = /^(.*-)(\d+)-[0-9a-f]+$/.exec(name) ?? [];
  if (prefix === scratchPrefix) return !isAlive(Number(pid));
  const facts = await stat(folder).catch(() => undefined);
  return facts?.isDirectory() === true && Date.now() - facts.mtimeMs > abandonedAfter;
}
