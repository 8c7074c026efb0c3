import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import {
  migrateUp,
  Operation,
  openProject,
  type ScratchServer,
  withScratch,
} from "../packages/pantler/src/index.js";
import { type Client, withClient } from "../packages/pantler/src/postgres/index.js";
import { bench, format, percentile, printBudget, printTable, readCounts, timed } from "./measure.js";

/** An opportunity that gets interactions, and who adds them. */
interface Opportunity {
  readonly id: string;
  readonly owner: string;
}

/** A question the application asks, whose answer is one user's. */
interface Probe {
  readonly name: string;
  readonly query: string;
  /** Whether service_role, who sees every row, gets the same answer to it. */
  readonly comparable: boolean;
  /** What its 95th percentile as a signed-in user has to stay under, in milliseconds. */
  readonly budget: number;
}

const root = fileURLToPath(new URL("../projects/kitchenpantry", import.meta.url));

/** The load set's own numbers at `kp.scale` 1. */
const interactionsAtScaleOne = 50_000;

/** So many inserts with the trigger, then as many without: a disturbance of the machine hits both. */
const blockSize = 50;

/** Runs of a probe before those that count. */
const warmUps = 20;

/** Every user's id is the parameter of every probe. The first three are those of the acceptance criteria. */
const probes: readonly Probe[] = [
  {
    name: "own organizations, counted",
    query: "select count(*) from public.organizations where owner_user_id = $1 and deleted_at is null",
    comparable: true,
    budget: 200,
  },
  {
    name: "opportunities with organizations, 100",
    query: `
      select o.opportunity_id, o.name, o.stage, g.name as organization
      from public.opportunities o join public.organizations g using (organization_id)
      where o.owner_user_id = $1 and o.deleted_at is null and g.deleted_at is null
      order by o.opportunity_id limit 100`,
    comparable: true,
    budget: 200,
  },
  {
    name: "interactions by opportunity, 100",
    query: `
      select i.opportunity_id, count(*), max(i.interaction_date)
      from public.interactions i
      where i.owner_user_id = $1 and i.deleted_at is null
      group by i.opportunity_id order by i.opportunity_id limit 100`,
    comparable: true,
    budget: 200,
  },
  {
    name: "pipeline_full, all of one user",
    query: "select * from reporting.pipeline_full where owner_user_id = $1 order by opportunity_id",
    comparable: true,
    budget: 500,
  },
  {
    name: "my_dashboard",
    query: "select * from reporting.my_dashboard where owner_user_id = $1 order by stage",
    comparable: false,
    budget: 500,
  },
  {
    name: "full-text search in organizations, best 20",
    query: `
      select organization_id, name
      from public.organizations, websearch_to_tsquery('english', 'tasting menus') as wanted
      where search_tsv @@ wanted and deleted_at is null and (owner_user_id is null or owner_user_id = $1)
      order by ts_rank(search_tsv, wanted) desc, organization_id limit 20`,
    comparable: true,
    budget: 50,
  },
];

const {
  interactions,
  inserts,
  probes: probeRuns,
  runs,
} = readCounts({ interactions: 100_000, inserts: 1_000, probes: 200, runs: 5 });

await bench(() =>
  withScratch(async (server) => {
    await bringUp(server);
    await withClient(server.url, async (client) => {
      await measureTrigger(server, client);
      await measureProbes(client);
      await measureRefresh(client);
    });
  }),
);

/** Applies all packs to the empty database and fills it; the bulk is not what is measured. */
async function bringUp({ url, superuserUrl }: ScratchServer): Promise<void> {
  const project = await openProject({ folder: root, from: root, variables: {} });
  const environment = project.environments.find(({ name }) => name === "local");
  if (!environment) throw new Error("a project always has an environment named local");
  await migrateUp({ project, environment, url }, {}, new Operation());
  const load = readFileSync(join(root, "db", "load", "load.sql"), "utf8");
  const loading = await timed(() =>
    withClient(url, async (client) => {
      await client.query("select set_config('kp.scale', $1, false)", [
        String(interactions / interactionsAtScaleOne),
      ]);
      await client.query(load);
    }),
  );
  await withClient(superuserUrl, async (client) => {
    await client.query("vacuum analyze");
    const [there] = (
      await client.query<{ there: string }>("select count(*) as there from public.interactions")
    ).rows;
    if (Number(there?.there) < interactions)
      throw new Error(`the load set made ${there?.there} interactions instead of ${interactions}`);
    console.log(
      `${there?.there} interactions, loaded in ${format(loading)}; server without fsync, commits not measured\n`,
    );
  });
}

/**
 * Measures inserts as the opportunities' signed-in owners, with the sync trigger and, as the peer, without it. Each
 * one carries a stage and a status that are new to its opportunity: the most that the trigger can have to do.
 */
async function measureTrigger({ url }: ScratchServer, client: Client): Promise<void> {
  const { rows: opportunities } = await client.query<Opportunity>(
    `select opportunity_id as id, owner_user_id as owner from public.opportunities
    where deleted_at is null and not stage_manual and not status_manual
    order by md5(opportunity_id::text) limit $1`,
    [inserts],
  );
  if (opportunities.length < inserts) throw new Error(`there are only ${opportunities.length} opportunities`);
  const taken = { on: [] as number[], off: [] as number[], own: [] as number[] };
  await withClient(url, async (owner) => {
    for (let from = 0; from < inserts; from += blockSize) {
      const block = opportunities.slice(from, from + blockSize);
      const modes = (from / blockSize) % 2 === 0 ? (["on", "off"] as const) : (["off", "on"] as const);
      for (const mode of modes) {
        const verb = mode === "on" ? "enable" : "disable";
        await owner.query(`alter table public.interactions ${verb} trigger trg_int_50_sync`);
        for (const opportunity of block) {
          const { milliseconds, trigger } = await insertInteraction(client, opportunity, mode === "on");
          taken[mode].push(milliseconds);
          if (trigger !== undefined) taken.own.push(trigger);
        }
      }
    }
    await owner.query("alter table public.interactions enable trigger trg_int_50_sync");
  });
  printTable(
    [`one inserted interaction, ${inserts} times`, "p50", "p95", "p99"],
    [
      ["insert, sync trigger on", ...percentiles(taken.on)],
      ["insert, sync trigger off", ...percentiles(taken.off)],
      ["the sync trigger by its own clock, kp.trigger_ms", ...percentiles(taken.own)],
    ],
  );
  const [on, off] = [percentile(taken.on, 0.95), percentile(taken.off, 0.95)];
  console.log(`insert with the trigger / without, p95 = ${(on / off).toFixed(2)}`);
  printBudget("trigger work by the trigger's clock, p95", percentile(taken.own, 0.95), 5);
  printBudget("trigger work as the difference of both p95", Math.max(on - off, 0), 5);
}

/**
 * Inserts one interaction and times the statement alone.
 * @param synced whether the trigger is on: the opportunity then has to follow, and otherwise must not
 */
async function insertInteraction(
  client: Client,
  { id, owner }: Opportunity,
  synced: boolean,
): Promise<{ readonly milliseconds: number; readonly trigger: number | undefined }> {
  const { rows: before } = await client.query<{ stage: string; status: string }>(
    `select
      (select code from public.stage_lu where code <> o.stage order by code limit 1) as stage,
      (select code from public.status_lu where code <> o.status order by code limit 1) as status
    from public.opportunities o where o.opportunity_id = $1`,
    [id],
  );
  const [next] = before;
  await client.query("begin");
  await actAs(client, "authenticated", owner);
  const milliseconds = await timed(() =>
    client.query(
      `insert into public.interactions (opportunity_id, interaction_type, subject, stage, status)
      values ($1, 'call', 'Measured', $2, $3)`,
      [id, next?.stage, next?.status],
    ),
  );
  const { rows: after } = await client.query<{ stage: string; status: string; trigger: string | null }>(
    `select stage, status, nullif(current_setting('kp.trigger_ms', true), '') as trigger
    from public.opportunities where opportunity_id = $1`,
    [id],
  );
  await client.query("commit");
  const followed = after[0]?.stage === next?.stage && after[0]?.status === next?.status;
  const trigger = after[0]?.trigger;
  if (followed !== synced || (trigger != null) !== synced)
    throw new Error(`the trigger was ${synced ? "on" : "off"} and opportunity ${id} did not show it`);
  return { milliseconds, trigger: trigger == null ? undefined : Number(trigger) };
}

/** Asks every probe as a signed-in user and as service_role in turn, users in rotation. */
async function measureProbes(client: Client): Promise<void> {
  const { rows: users } = await client.query<{ owner: string }>(
    "select distinct owner_user_id as owner from public.opportunities order by 1",
  );
  const measured: { readonly probe: Probe; readonly signedIn: number[]; readonly service: number[] }[] = [];
  for (const probe of probes) {
    const times = { signedIn: [] as number[], service: [] as number[] };
    for (let run = 0; run < warmUps + probeRuns; run += 1) {
      const user = users[run % users.length]?.owner ?? "";
      const signedIn = await ask(client, probe, "authenticated", user);
      if (signedIn.rows.length === 0) throw new Error(`${probe.name}: user ${user} sees nothing`);
      if (run >= warmUps) times.signedIn.push(signedIn.milliseconds);
      if (!probe.comparable) continue;
      const service = await ask(client, probe, "service_role", user);
      if (run >= warmUps) times.service.push(service.milliseconds);
      // Once for every user; done in every run it would take longer than all that is measured.
      if (run < users.length && !isDeepStrictEqual(signedIn.rows, service.rows))
        throw new Error(`${probe.name}: user ${user} and service_role do not see the same rows`);
    }
    measured.push({ probe, ...times });
  }
  printTable(
    [`reads, ${probeRuns} times`, "signed in p50", "p95", "service role p50", "p95"],
    measured.map(({ probe, signedIn, service }) => [
      probe.name,
      ...percentiles(signedIn).slice(0, 2),
      ...(probe.comparable ? percentiles(service).slice(0, 2) : []),
    ]),
  );
  for (const { probe, signedIn } of measured)
    printBudget(`${probe.name}, signed in, p95`, percentile(signedIn, 0.95), probe.budget);
  console.log("");
  for (const { probe, signedIn, service } of measured) {
    if (!probe.comparable) continue;
    const overhead = Math.max(percentile(signedIn, 0.95) - percentile(service, 0.95), 0);
    printBudget(`${probe.name}, what row security adds to the p95`, overhead, 50);
  }
}

/** Refreshes after changes, as its schedule does. */
async function measureRefresh(client: Client): Promise<void> {
  const times: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    await client.query(
      "update public.opportunities set estimated_value = estimated_value + 1 where opportunity_id in (select opportunity_id from public.opportunities order by opportunity_id limit 1000)",
    );
    let done = false;
    const milliseconds = await timed(async () => {
      const { rows } = await client.query<{ done: boolean }>(
        "select public.refresh_dashboard_view() as done",
      );
      done = rows[0]?.done === true;
    });
    if (!done) throw new Error("the dashboard was not refreshed");
    times.push(milliseconds);
  }
  console.log("");
  printBudget(`dashboard refresh, slowest of ${runs}`, Math.max(...times), 10_000);
}

async function ask(
  client: Client,
  { query }: Probe,
  role: "authenticated" | "service_role",
  user: string,
): Promise<{ readonly milliseconds: number; readonly rows: unknown[] }> {
  await client.query("begin");
  await actAs(client, role, user);
  let rows: unknown[] = [];
  const milliseconds = await timed(async () => {
    ({ rows } = await client.query(query, [user]));
  });
  await client.query("commit");
  return { milliseconds, rows };
}

/** Takes a role and its claims for the open transaction, as PostgREST does for a request. */
async function actAs(client: Client, role: "authenticated" | "service_role", user: string): Promise<void> {
  const claims = role === "authenticated" ? { role, sub: user } : { role };
  await client.query("select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)", [
    role,
    JSON.stringify(claims),
  ]);
}

function percentiles(values: readonly number[]): string[] {
  return [0.5, 0.95, 0.99].map((part) => format(percentile(values, part)));
}
