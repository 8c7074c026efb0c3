import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseUrl } from "../packages/pantler/src/index.js";
import { withClient } from "../packages/pantler/src/postgres/index.js";
import {
  type DataSet,
  type Extent,
  fill,
  narrowRows,
  readExtent,
  smallTables,
  wideRows,
} from "./backup-data.js";
import { findPeers, folderBytes, type Peers, peerNames } from "./backup-peers.js";
import {
  alternate,
  bench,
  type Contender,
  format,
  type Measured,
  median,
  printRatio,
  printTable,
  readCounts,
} from "./measure.js";
import { type Cost, measureProgram } from "./process-tree.js";
import { bin } from "./programs.js";
import { withFolder } from "./project-server.js";
import { majors, type VanillaServer, withServerOf } from "./servers.js";

/** A filled database, and all that measuring it needs. */
interface Bench {
  readonly server: VanillaServer;
  readonly source: DatabaseUrl;
  readonly extent: Extent;
  readonly peers: Peers;
  /** For archives and whatever else the contenders write. */
  readonly folder: string;
}

/** A way to do something, whose memory and result are measured beside its time. */
interface Way {
  readonly name: string;
  readonly run: () => Promise<Cost & { readonly bytes?: number }>;
}

/** What a way held in memory and wrote, the most of all runs. */
interface Weight {
  readonly peakBytes: number;
  readonly bytes: number;
}

const ours = {
  create: "pantler backup create",
  restore: "pantler restore",
  drill: "pantler backup drill",
  copy: "pantler backup create, restore",
};

/** The most memory that may be in use, whatever the size of the database. */
const memoryBudget = 250e6;

const { runs, growth } = readCounts({ runs: 5, growth: 1 });
const counters = { folders: 0 };
const weights = new Map<string, Weight>();

await bench(async () => {
  const peers = await findPeers();
  // pgcopydb of the distribution reads servers up to the major of the pg_dump beside it, and so decides what is measured.
  const major = majors.find((each) => each === peers.major) ?? 17;
  await withServerOf(
    major,
    async (server) => {
      console.log(`PostgreSQL ${server.version}, as it comes but for max_wal_size\n`);
      if (growth > 1) return await grow(server, peers);
      for (const data of [narrowRows(), wideRows, smallTables]) await compare(server, peers, data);
    },
    // Checkpoints at random moments would be measured for one and not for the other.
    { max_wal_size: "8GB" },
  );
});

/** Measures every way to dump, to restore and to copy one database. */
async function compare(server: VanillaServer, peers: Peers, data: DataSet): Promise<void> {
  const source = await server.makeDatabase();
  const extent = await fill(source, data);
  console.log(
    `\n${data.title}: ${extent.tables} tables, ${extent.rows} rows, ${megabytes(extent.bytes)} on the server`,
  );
  weights.clear();
  await withFolder(async (folder) => {
    const place: Bench = { server, source, extent, peers, folder };
    prepareProject(folder);
    const archives = { ours: "", theirs: "" };
    const { dump, restore } = peers;
    const dumped = await measure(server, [
      { name: ours.create, run: () => createArchive(place, archives) },
      dump && {
        name: peerNames.dump,
        run: async () => {
          archives.theirs = nextFolder(place);
          return { ...(await dump(source, archives.theirs)), bytes: folderBytes(archives.theirs) };
        },
      },
    ]);
    const restored = await measure(server, [
      {
        name: ours.restore,
        run: () => intoEmpty(place, (target) => restoreArchive(place, archives.ours, target)),
      },
      restore &&
        dump && {
          name: peerNames.restore,
          run: () => intoEmpty(place, (target) => restore(archives.theirs, target)),
        },
      { name: ours.drill, run: () => pantler(place, source, "backup", "drill", archives.ours) },
    ]);
    const copied = await measure(server, copyingWays(place, archives));
    print([dumped, restored, copied]);
    printRatio(dumped, ours.create, peerNames.dump, 1.6);
    printRatio(restored, ours.restore, peerNames.restore, 1);
    printRatio(restored, ours.drill, ours.restore, 3);
    printRatio(copied, ours.copy, peerNames.clone, 0.8);
    printRatio(copied, ours.copy, peerNames.pipe);
    for (const name of [ours.create, ours.restore]) printMemory(name);
  });
}

function copyingWays(place: Bench, archives: { ours: string }): (Way | undefined)[] {
  const { peers, source } = place;
  const { clone, pipe } = peers;
  return [
    {
      name: ours.copy,
      run: () =>
        intoEmpty(place, async (target) => {
          const created = await createArchive(place, archives);
          const restored = await restoreArchive(place, archives.ours, target);
          return {
            ...restored,
            milliseconds: created.milliseconds + restored.milliseconds,
            peakBytes: Math.max(created.peakBytes, restored.peakBytes),
          };
        }),
    },
    clone && {
      name: peerNames.clone,
      run: () => intoEmpty(place, (target) => clone(source, target, nextFolder(place))),
    },
    pipe && { name: peerNames.pipe, run: () => intoEmpty(place, (target) => pipe(source, target)) },
  ];
}

/**
 * Shows that time grows as the rows do, and memory does not: `--growth 50` measures 2, 20 and 100 million rows instead
 * of comparing, for which it needs 40 GB of disk.
 */
async function grow(server: VanillaServer, peers: Peers): Promise<void> {
  const rows: string[][] = [];
  for (const scale of [...new Set([1, Math.min(10, growth), growth])]) {
    const source = await server.makeDatabase();
    const extent = await fill(source, narrowRows(scale));
    await withFolder(async (folder) => {
      const place: Bench = { server, source, extent, peers, folder };
      prepareProject(folder);
      const archives = { ours: "" };
      const created = await createArchive(place, archives);
      const restored = await intoEmpty(place, (target) => restoreArchive(place, archives.ours, target));
      rows.push([
        String(extent.rows),
        megabytes(extent.bytes),
        ...[created, restored].flatMap(({ milliseconds, peakBytes }) => [
          format(milliseconds),
          `${((milliseconds / extent.rows) * 1000).toFixed(2)} ms`,
          megabytes(peakBytes),
        ]),
      ]);
    });
  }
  printTable(["rows", "size", "backup", "per 1,000", "memory", "restore", "per 1,000", "memory"], rows);
}

async function measure(server: VanillaServer, ways: readonly (Way | undefined)[]): Promise<Measured> {
  const contenders = ways.flatMap((way): Contender[] => {
    if (!way) return [];
    const { name, run } = way;
    return [
      {
        name,
        run: async () => {
          await withClient(server.superuserUrl, (client) => client.query("checkpoint"));
          const { milliseconds, peakBytes, bytes = 0 } = await run();
          const before = weights.get(name) ?? { peakBytes: 0, bytes: 0 };
          weights.set(name, {
            peakBytes: Math.max(before.peakBytes, peakBytes),
            bytes: Math.max(before.bytes, bytes),
          });
          return milliseconds;
        },
      },
    ];
  });
  return await alternate(contenders, runs);
}

/** Takes a backup of the source, and finds the folder that it became. */
async function createArchive(
  place: Bench,
  archives: { ours: string },
): Promise<Cost & { readonly bytes: number }> {
  const cost = await pantler(place, place.source, "backup", "create");
  archives.ours =
    readdirSync(join(place.folder, "backups"))
      .filter((name) => /^\d/.test(name))
      .sort()
      .at(-1) ?? "";
  return { ...cost, bytes: folderBytes(join(place.folder, "backups", archives.ours)) };
}

async function restoreArchive(place: Bench, archive: string, target: DatabaseUrl): Promise<Cost> {
  return await pantler(place, target, "restore", archive, "--yes");
}

/** Runs the command line with a database as the project's local environment. */
async function pantler({ folder }: Bench, database: DatabaseUrl, ...words: readonly string[]): Promise<Cost> {
  return await measureProgram(process.execPath, [bin, ...words, "--project", folder, "--json"], {
    env: { ...process.env, PANTLER_ENGINE_URL: database.withPassword() },
  });
}

/** Runs what fills an empty database, and sees to it that all rows are there. */
async function intoEmpty(
  { server, extent }: Bench,
  run: (target: DatabaseUrl) => Promise<Cost>,
): Promise<Cost> {
  const target = await server.makeDatabase();
  const cost = await run(target);
  const { tables, rows } = await readExtent(target);
  if (tables !== extent.tables || rows !== extent.rows)
    throw new Error(`${rows} rows in ${tables} tables arrived of ${extent.rows} in ${extent.tables}`);
  return cost;
}

function prepareProject(folder: string): void {
  writeFileSync(join(folder, "pantler.config.js"), "export default {};\n");
}

function nextFolder({ folder }: Bench): string {
  counters.folders += 1;
  return join(folder, `written-${counters.folders}`);
}

function print(groups: readonly Measured[]): void {
  const rows = groups.flatMap((measured) =>
    [...measured].map(([name, values]) => {
      const { peakBytes, bytes } = weights.get(name) ?? { peakBytes: 0, bytes: 0 };
      return [
        name,
        format(median(values)),
        megabytes(peakBytes),
        bytes > 0 ? megabytes(bytes) : "",
        values.map(format).join("  "),
      ];
    }),
  );
  printTable(["", "median", "memory", "archive", "runs"], rows);
}

function printMemory(name: string): void {
  const peakBytes = weights.get(name)?.peakBytes ?? 0;
  const verdict = peakBytes < memoryBudget ? "met" : "MISSED";
  console.log(
    `memory of ${name} = ${megabytes(peakBytes)}, target under ${megabytes(memoryBudget)}: ${verdict}`,
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0)} MB`;
}
