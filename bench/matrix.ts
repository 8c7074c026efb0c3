import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  createBackup,
  locateTarget,
  Operation,
  openProject,
  PantlerError,
  restoreBackup,
  type Target,
} from "../packages/pantler/src/index.js";
import { rowDifferences, schemaDifferences } from "../packages/pantler/tests/support/outsider.js";
import { loadTorture, type TortureKind } from "../packages/pantler/tests/support/torture.js";
import { bench, printTable } from "./measure.js";
import { withFolder } from "./project-server.js";
import { majors, type VanillaServer, withServerOf } from "./servers.js";

/** How one way from a server to another went: what an outsider found different in the end. */
interface Journey {
  readonly source: number;
  readonly target: number;
  /** Into an empty database, which is filled over several connections. */
  readonly intoEmpty: readonly string[];
  /** Over what was restored before, in one transaction. */
  readonly overItself: readonly string[];
}

/**
 * What the text of pg_dump cannot bring back: the server refuses the index that it attaches to a partitioned exclusion
 * constraint, and a child that was made before it inherited gets its columns in its parent's order.
 */
const beyondRepair: readonly TortureKind[] = ["exclusion of partitions", "order of columns"];

const { values } = parseArgs({
  options: {
    oldest: { type: "string", default: String(majors[0]) },
    newest: { type: "string", default: String(majors.at(-1)) },
    /** A kind of torture to leave out, such as "owned by others"; more than one if given again. */
    without: { type: "string", multiple: true, default: [...beyondRepair] },
  },
});
const without = values.without as TortureKind[];
const chosen = majors.filter((major) => major >= Number(values.oldest) && major <= Number(values.newest));

/** The databases that hold what the torture's own statements make there. */
const modelled = new Set<string>();

await bench(async () => {
  const journeys = await withServers(chosen, async (servers) => {
    const made: Journey[] = [];
    for (const source of servers) made.push(...(await goOut(source, servers)));
    return made;
  });
  printJourneys(journeys);
  if (journeys.some(({ intoEmpty, overItself }) => intoEmpty.length + overItself.length > 0))
    process.exitCode = 1;
});

async function withServers<Result>(
  wanted: readonly number[],
  work: (servers: readonly VanillaServer[]) => Promise<Result>,
): Promise<Result> {
  const [major, ...others] = wanted;
  if (major === undefined) return await work([]);
  return await withServerOf(major, (server) =>
    withServers(others, async (more) => await work([server, ...more])),
  );
}

/** Takes a backup of everything that can go wrong on one server, and restores it on each that is not older. */
async function goOut(source: VanillaServer, servers: readonly VanillaServer[]): Promise<Journey[]> {
  const original = (await source.makeDatabase()).withPassword();
  await loadTorture(original, { without });
  return await withFolder(async (folder) => {
    writeFileSync(join(folder, "pantler.config.js"), "export default {};\n");
    const backup = await createBackup(await targetOf(folder, original), {}, silent());
    const journeys: Journey[] = [];
    for (const server of servers.filter(({ major }) => major >= source.major)) {
      const copy = (await server.makeDatabase()).withPassword();
      // What the same statements make on that server: newer ones print some of them in other words.
      const model = (await server.makeDatabase()).withPassword();
      const restoreAndJudge = async () => {
        const problem = await problemOf(async () => {
          await restoreBackup(await targetOf(folder, copy), backup, { keys: {} }, silent());
          await loadModel(model, source.major);
        });
        if (problem) return [problem];
        const scope = { withoutNotNullNames: source.major < 18 };
        return [...(await schemaDifferences(model, copy, scope)), ...(await rowDifferences(original, copy))];
      };
      const [intoEmpty, overItself] = [await restoreAndJudge(), await restoreAndJudge()];
      journeys.push({ source: source.major, target: server.major, intoEmpty, overItself });
      console.log(`${source.version} -> ${server.version}: ${inWords(intoEmpty)}, ${inWords(overItself)}`);
    }
    return journeys;
  });
}

/** After the restore, which has to make the roles that are missing. */
async function loadModel(model: string, major: number): Promise<void> {
  if (modelled.has(model)) return;
  await loadTorture(model, { major, without: ["hostile settings", ...without] });
  modelled.add(model);
}

/** A database as the local environment of a project. */
async function targetOf(folder: string, url: string): Promise<Target> {
  return await locateTarget(
    await openProject({ folder, from: folder, variables: { PANTLER_ENGINE_URL: url } }),
    "local",
  );
}

function silent(): Operation {
  return new Operation(() => {});
}

/** Why work failed, in its own words. */
async function problemOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof PantlerError)) return `an error without a remedy: ${String(error)}`;
    return [error.message, error.detail, error.state].filter(Boolean).join(" ");
  }
}

function printJourneys(journeys: readonly Journey[]): void {
  const rows = chosen.map((source) => [
    `from ${source}`,
    ...chosen.map((target) => {
      const journey = journeys.find((each) => each.source === source && each.target === target);
      return journey ? `${inWords(journey.intoEmpty)}, ${inWords(journey.overItself)}` : "";
    }),
  ]);
  printTable(["", ...chosen.map((target) => `into ${target}`)], rows);
  console.log("Each: into an empty database, over what is there.");
  if (without.length > 0) console.log(`Left out: ${without.join(", ")}.`);
  for (const { source, target, intoEmpty, overItself } of journeys) {
    for (const difference of intoEmpty)
      console.log(`\n${source} -> ${target}, into an empty database: ${difference}`);
    for (const difference of overItself)
      console.log(`\n${source} -> ${target}, over what is there: ${difference}`);
  }
}

function inWords(differences: readonly string[]): string {
  return differences.length === 0 ? "ok" : `${differences.length} different`;
}
