import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { chown, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withReleases } from "../operation/index.js";
import { withClient } from "../postgres/index.js";
import { type Cluster, localPassword, localUrl, startCluster, stopCluster, superuser } from "./cluster.js";
import { copyTree, makeCacheFolder, makeFolder, removeTree, scratchPath } from "./files.js";
import { runAs } from "./processes.js";
import {
  baseFiles,
  brokenEngine,
  copyServerFiles,
  extensionFiles,
  findServerPackage,
  type Installation,
  program,
} from "./server-files.js";
import { findServerUser } from "./server-user.js";

/** Raised when the way a template is made changes, so that old ones are not used. */
const recipe = "2";

/** What the base assumes of the server, and what a server for one product's developers needs. */
const clusterSettings: Readonly<Record<string, string>> = {
  wal_level: "logical",
  shared_preload_libraries: "pg_stat_statements",
  timezone: "UTC",
  log_timezone: "UTC",
  log_line_prefix: "%m [%p] %q%u@%d ",
  max_connections: "100",
  // Less WAL kept between checkpoints keeps a copy of the cluster small.
  min_wal_size: "32MB",
};

/** Databases that are made later are shaped like a Supabase project too, so that a backup of one can be restored there. */
const newTemplate = [
  "alter database template1 is_template false",
  "drop database template1",
  "create database template1 template postgres is_template true",
  // As initdb leaves it.
  "revoke create, temporary on database template1 from public",
];

/**
 * Finds the server for this platform and the template for this version of the base, and makes them at first use.
 * Two processes that make them at once do not disturb each other: whoever is first wins.
 * @throws EnvironmentError `engine-missing`, `engine-broken`, `no-server-user`, `cache-unreachable`
 */
export async function ensureInstallation(): Promise<Installation> {
  const { native, version } = findServerPackage();
  const user = findServerUser();
  const major = Number.parseInt(version, 10);
  const cache = await makeCacheFolder(user);
  const folder = join(cache, `server-${version}-${fingerprint()}${user ? `-${user.name}` : ""}`);
  if (!existsSync(folder)) {
    await withReleases(async (onRelease) => {
      const building = await scratchPath(user);
      onRelease(() => removeTree(building));
      await makeFolder(building, user, 0o755);
      await copyServerFiles(native, building);
      await makeTemplate({ folder: building, user, major });
      await rename(building, folder).catch((error: unknown) => {
        if (!existsSync(folder)) throw error;
      });
    });
  }
  return { folder, user, major };
}

/**
 * Makes a data folder out of the template, complete at once or not at all.
 * @param target the folder to make; another process may be making the same one
 * @returns whether it was this call that made it
 */
export async function copyTemplate(installation: Installation, target: string): Promise<boolean> {
  const building = `${target}-${process.pid}-${randomBytes(4).toString("hex")}`;
  return await withReleases(async (onRelease) => {
    onRelease(() => removeTree(building));
    await copyTree(join(installation.folder, "template"), building, installation.user);
    try {
      await rename(building, target);
      return true;
    } catch (error) {
      if (existsSync(target)) return false;
      throw error;
    }
  });
}

/** Changes when anything that goes into a template changes. */
function fingerprint(): string {
  const hash = createHash("sha256").update(recipe).update(JSON.stringify(clusterSettings));
  for (const file of [...baseFiles(), ...extensionFiles()]) hash.update(readFileSync(file)).update("\0");
  return hash.digest("hex").slice(0, 12);
}

async function makeTemplate(installation: Installation): Promise<void> {
  const { folder, user } = installation;
  const data = join(folder, "template");
  const password = join(folder, "password");
  await makeFolder(data, user, 0o700);
  await writeFile(password, localPassword, { mode: 0o600 });
  if (user) await chown(password, user.uid, user.gid);
  const settings = Object.entries(clusterSettings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const made = await runAs(
    user,
    program(installation, "initdb"),
    [
      ...["-D", data, "-U", superuser, `--pwfile=${password}`, "-A", "scram-sha-256", "-E", "UTF8"],
      ...[
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-sync",
        "--no-instructions",
      ],
      ...["--wal-segsize=4", ...settings],
    ],
    folder,
  );
  if (made.code !== 0) throw brokenEngine("initdb failed", made.output);
  const cluster: Cluster = {
    installation,
    dataFolder: data,
    logFile: join(folder, "template.log"),
    settings: { fsync: "off" },
    socket: false,
  };
  const server = await startCluster(cluster, [0]);
  try {
    await withClient(localUrl(server, superuser), async (client) => {
      for (const file of baseFiles()) await client.query(await readFile(file, "utf8"));
      await client.query("vacuum freeze analyze");
      for (const statement of newTemplate) await client.query(statement);
      await client.query("checkpoint");
    });
  } finally {
    await stopCluster(cluster, "fast");
  }
}
