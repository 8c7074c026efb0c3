import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type DatabaseUrl,
  migrateUp,
  Operation,
  openProject,
  type ScratchServer,
  withScratch,
} from "../packages/pantler/src/index.js";
import { type Client, withClient } from "../packages/pantler/src/postgres/index.js";
import { naivePolicies } from "./access-naive.js";
import { type Probe, probes } from "./access-probes.js";
import { bench, format, percentile, printBudget, printTable, readCounts, timed } from "./measure.js";

/** What one way of writing the policies made of a probe, in milliseconds. */
interface Measured {
  readonly probe: Probe;
  readonly signedIn: readonly number[];
  /** The same rows by a role that no policy binds. */
  readonly unbound: readonly number[];
  /** Tables of more than a few rows that the plan reads from end to end. */
  readonly scans: readonly string[];
}

const root = fileURLToPath(new URL("../projects/kitchenpantry", import.meta.url));

/** So many organizations, opportunities and products there are at `kp.scale` 1. */
const rowsAtScaleOne = 10_000;

/** At the larger size an ordinary user has a thousand organizations and as many opportunities. */
const users = 100;

/** So many of them ask, in turn. */
const asking = 10;

/** Until a prepared statement has its plan for good, and every asker has asked. */
const warmUps = 10;

/** A naive query that takes longer is counted as this long, in milliseconds. */
const patience = 10_000;

/** Of what takes longer than this three runs are enough. */
const slow = 2000;

/** What has to be true at the larger size, in milliseconds. */
const targets = { p95: 20, overhead: 5, refresh: 1000 };

const { small, large, runs } = readCounts({ small: 10_000, large: 100_000, runs: 50 });
const naiveRuns = Math.max(Math.round(runs / 5), 3);

await bench(async () => {
  for (const rows of new Set([small, large])) await measureAt(rows, rows === large);
});

async function measureAt(rows: number, isLarge: boolean): Promise<void> {
  await withScratch(async (server) => {
    await bringUp(server, rows);
    const naive = await makeNaive(server);
    const own = await withClient(server.url, async (client) => await measureAll(client, runs));
    const refreshes = await withClient(server.url, measureRefresh);
    const theirs = await withClient(naive, async (client) => await measureAll(client, naiveRuns));
    print(rows, own, theirs);
    if (!isLarge) return;
    for (const { probe, signedIn } of own) {
      printBudget(`${probe.name}, p95`, percentile(signedIn, 0.95), probe.budget ?? targets.p95);
    }
    console.log("");
    for (const measured of own) {
      printBudget(
        `${measured.probe.name}, what row security adds to the p95`,
        overheadOf(measured),
        targets.overhead,
      );
    }
    console.log("");
    printBudget(`dashboard refresh, slowest of ${refreshes.length}`, Math.max(...refreshes), targets.refresh);
  });
}

/** Applies all packs and fills the database; the bulk is not what is measured. */
async function bringUp({ url, superuserUrl }: ScratchServer, rows: number): Promise<void> {
  const project = await openProject({ folder: root, from: root, variables: {} });
  const environment = project.environments.find(({ name }) => name === "local");
  if (!environment) throw new Error("a project always has an environment named local");
  await migrateUp({ project, environment, url }, {}, new Operation());
  const load = readFileSync(join(root, "db", "load", "load.sql"), "utf8");
  const taken = await timed(
    async () =>
      await withClient(url, async (client) => {
        await client.query(
          "select set_config('kp.scale', $1, false), set_config('kp.users', $2, false), set_config('kp.interactions', '2', false)",
          [String(rows / rowsAtScaleOne), String(users)],
        );
        await client.query(load);
      }),
  );
  await withClient(superuserUrl, async (client) => await client.query("vacuum analyze"));
  console.log(`${rows.toLocaleString("en-US")} rows a table and ${users} users, loaded in ${format(taken)}`);
}

/** The same database with policies as they are written first. */
async function makeNaive({ url, superuserUrl }: ScratchServer): Promise<DatabaseUrl> {
  await withClient(superuserUrl.with({ database: "template1" }), async (client) => {
    await client.query(`create database naive template ${url.database} owner ${url.user}`);
  });
  const naive = url.with({ database: "naive" });
  await withClient(naive, async (client) => await client.query(naivePolicies));
  await withClient(
    superuserUrl.with({ database: "naive" }),
    async (client) => await client.query("vacuum analyze"),
  );
  return naive;
}

/** Asks every probe as a signed-in user and as a role that no policy binds in turn, users in rotation. */
async function measureAll(client: Client, times: number): Promise<Measured[]> {
  await client.query(`set statement_timeout = ${patience}`);
  const { rows: people } = await client.query<{ id: string; opportunity: string }>(
    `select owner_user_id as id, min(opportunity_id::text) as opportunity from public.opportunities
    where deleted_at is null group by 1 order by 1 limit $1`,
    [asking],
  );
  const measured: Measured[] = [];
  for (const probe of probes) {
    const signedIn: number[] = [];
    const unbound: number[] = [];
    for (let run = -warmUps; run < times; run += 1) {
      const person = people[(run + warmUps) % people.length];
      if (!person) throw new Error("nobody owns an opportunity");
      const values = probe.parameters.map((name) => person[name]);
      const bound = await ask(client, "authenticated", person.id, { ...probe, values });
      const free = await ask(client, "service_role", person.id, {
        name: `${probe.name}, unbound`,
        query: probe.unbound,
        values: [person.id, person.opportunity],
      });
      if (bound.rows !== undefined && bound.rows !== free.rows)
        throw new Error(
          `${probe.name}: ${person.id} gets ${bound.rows} rows, and ${free.rows} without row security`,
        );
      if (bound.rows === 0) throw new Error(`${probe.name}: ${person.id} gets no row`);
      if (run < 0 && bound.milliseconds < slow) continue;
      signedIn.push(bound.milliseconds);
      unbound.push(free.milliseconds);
      // Nothing is learnt from waiting as long again.
      if (bound.milliseconds > slow && signedIn.length >= 3) break;
    }
    const [person] = people;
    const values = probe.parameters.map((name) => person?.[name]);
    const scans = await scansOf(client, person?.id ?? "", probe.query, values);
    measured.push({ probe, signedIn, unbound, scans });
  }
  return measured;
}

async function ask(
  client: Client,
  role: "authenticated" | "service_role",
  user: string,
  {
    name,
    query,
    values,
  }: { readonly name: string; readonly query: string; readonly values: readonly unknown[] },
): Promise<{ readonly milliseconds: number; readonly rows: number | undefined }> {
  await client.query("begin");
  try {
    await become(client, role, user);
    let rows: number | undefined;
    const milliseconds = await timed(async () => {
      // PostgREST prepares what it asks, so that a query is planned once for each connection.
      const result = await client.query({ name, text: query, values: [...values], rowMode: "array" });
      // A count is compared as a number of rows.
      const [first] = result.rows;
      rows = result.rows.length === 1 && first?.length === 1 ? Number(first[0]) : result.rows.length;
    });
    return { milliseconds, rows };
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "57014") throw error;
    return { milliseconds: patience, rows: undefined };
  } finally {
    await client.query("rollback");
  }
}

/** Takes a role and its claims for the open transaction, as PostgREST does for a request. */
async function become(client: Client, role: string, user: string): Promise<void> {
  await client.query("select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)", [
    role,
    JSON.stringify({ role, sub: user }),
  ]);
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly Plans?: readonly PlanNode[];
}

/** Lookups hold a few rows, which are read faster than any index. */
async function scansOf(
  client: Client,
  user: string,
  query: string,
  values: readonly unknown[],
): Promise<string[]> {
  await client.query("begin");
  await become(client, "authenticated", user);
  const { rows } = await client.query<{ "QUERY PLAN": { Plan: PlanNode }[] }>(
    `explain (format json) ${query}`,
    [...values],
  );
  await client.query("rollback");
  const nodes = (plan: PlanNode): PlanNode[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];
  const plan = rows[0]?.["QUERY PLAN"][0]?.Plan;
  const scanned = (plan ? nodes(plan) : []).flatMap((node) =>
    node["Node Type"] === "Seq Scan" ? (node["Relation Name"] ?? []) : [],
  );
  return [...new Set(scanned)].filter((name) => !name.endsWith("_lu") && name !== "dashboard_summary");
}

/** Refreshes after changes, as its schedule does. */
async function measureRefresh(client: Client): Promise<number[]> {
  const times: number[] = [];
  for (let run = 0; run < 3; run += 1) {
    await client.query(
      "update public.opportunities set estimated_value = estimated_value + 1 where opportunity_id in (select opportunity_id from public.opportunities order by opportunity_id limit 1000)",
    );
    times.push(await timed(async () => await client.query("select public.refresh_dashboard_view()")));
  }
  return times;
}

/** What was broken off took longer. */
function atMost(milliseconds: number): string {
  return milliseconds < patience ? format(milliseconds) : `over ${format(patience)}`;
}

function overheadOf({ signedIn, unbound }: Measured): number {
  return Math.max(percentile(signedIn, 0.95) - percentile(unbound, 0.95), 0);
}

function print(rows: number, own: readonly Measured[], theirs: readonly Measured[]): void {
  printTable(
    [
      `${rows.toLocaleString("en-US")} rows a table`,
      "p50",
      "p95",
      "without RLS p95",
      "overhead",
      "naive p50",
      "p95",
      "naive / ours",
    ],
    own.map((measured, place) => {
      const naive = theirs[place]?.signedIn ?? [];
      const [p50, p95] = [percentile(measured.signedIn, 0.5), percentile(measured.signedIn, 0.95)];
      return [
        measured.probe.name,
        format(p50),
        format(p95),
        format(percentile(measured.unbound, 0.95)),
        format(overheadOf(measured)),
        atMost(percentile(naive, 0.5)),
        atMost(percentile(naive, 0.95)),
        (percentile(naive, 0.5) / p50).toFixed(1),
      ];
    }),
  );
  for (const [whose, all] of [
    ["ours", own],
    ["naive", theirs],
  ] as const) {
    const scans = all.flatMap(({ probe, scans: names }) =>
      names.length > 0 ? [`${probe.name}: ${names.join(", ")}`] : [],
    );
    console.log(`sequential scans, ${whose}: ${scans.length === 0 ? "none" : scans.join("; ")}`);
  }
  console.log("");
}
