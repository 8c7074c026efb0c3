import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fingerprintOf } from "../../src/schema/index.js";
import { query, schemaOf } from "./inspect.js";
import { untilAlone } from "./pantry.js";
import { firstVersion, type Production } from "./production.js";

/** What is deployed again and again while something goes wrong. */
export interface DeployPlan {
  /** The scripts by file name below `supabase/`. */
  readonly scripts: Readonly<Record<string, string>>;
  /** The versions in their order, those of one transaction together. */
  readonly batches: readonly (readonly string[])[];
  /** Says whether the rows are as they have to be once everything is applied, and applied once. */
  readonly proof: string;
}

/** Two migrations that stand or fall together; each takes a moment, so that it can be met half-way. */
export const planInOneTransaction: DeployPlan = {
  scripts: {
    "migrations/20260202000000_lids.sql": `create table public.lids (
  id int primary key,
  jar_id int references public.jars,
  updated_at timestamptz not null default now()
);
create index lids_jar_idx on public.lids (jar_id);
alter table public.lids enable row level security;
create policy lids_seen on public.lids for select to authenticated using (true);
select pg_sleep(0.02);
insert into public.lids (id, jar_id) select id, id from public.jars where id <= 50;`,
    "rollbacks/20260202000000_lids.sql": "drop table public.lids;",
    "checks/20260202000000_lids.sql":
      "-- check: every lid has its jar\n-- expect: no rows\nselect from public.lids left join public.jars on jars.id = jar_id where jars.id is null;\n",
    "migrations/20260203000000_note.sql":
      "alter table public.jars add column note text;\nselect pg_sleep(0.02);\nupdate public.jars set note = 'half full' where id % 2 = 0;",
    "rollbacks/20260203000000_note.sql": "alter table public.jars drop column note;",
  },
  batches: [["20260202000000", "20260203000000"]],
  proof:
    "select (select count(*) from lids) = 50 and (select count(*) from jars where note = 'half full') = 100 as it",
};

/** A value for an enum, which has to be committed before it is used, and an index that no transaction may build. */
export const planInParts: DeployPlan = {
  scripts: {
    "migrations/20260202000000_kind.sql":
      "create type public.kind as enum ('glass');\nalter table public.jars add column kind public.kind;",
    "rollbacks/20260202000000_kind.sql": "alter table public.jars drop column kind;\ndrop type public.kind;",
    "migrations/20260203000000_clay.sql": "alter type public.kind add value 'clay';",
    "migrations/20260204000000_index.sql":
      "create index concurrently jars_kind_idx on public.jars (kind);\ncreate index concurrently jars_label_idx on public.jars (label);",
    "rollbacks/20260204000000_index.sql":
      "drop index if exists public.jars_kind_idx;\ndrop index if exists public.jars_label_idx;",
    "migrations/20260205000000_all_clay.sql": "update public.jars set kind = 'clay' where kind is null;",
  },
  batches: [["20260202000000", "20260203000000"], ["20260204000000"], ["20260205000000"]],
  proof: "select count(*) = 200 and bool_and(kind = 'clay') as it from jars",
};

interface ControlRow {
  readonly version: string;
  readonly status: string;
  readonly transactional: boolean | null;
}

export interface DeploymentRow {
  readonly id: string;
  readonly outcome: string;
  readonly migrations: readonly string[];
}

/** How an environment stands. */
export interface Standing {
  /** The versions in the ledger, without the one that every test begins with. */
  readonly ledger: readonly string[];
  readonly schema: string;
  readonly control: readonly ControlRow[];
  readonly deployments: readonly DeploymentRow[];
  readonly invalidIndexes: readonly string[];
  /** A migration that stopped half-way outside of a transaction. */
  readonly halfDone: string | undefined;
}

/** Looks at an environment once the sessions of others are gone. */
export async function standingOf({ url }: Pick<Production, "url">): Promise<Standing> {
  await untilAlone(url);
  const ledger = (
    await query(url, "select version from supabase_migrations.schema_migrations order by version")
  )
    .map(({ version }) => String(version))
    .filter((version) => version !== firstVersion);
  const control = (await query(
    url,
    "select version, status, transactional from pantler.migration_control order by version",
  )) as unknown as ControlRow[];
  const [{ there } = {}] = await query(url, "select to_regclass('pantler.deployments') is not null as there");
  const deployments = there
    ? ((await query(
        url,
        "select id, outcome, migrations from pantler.deployments order by started_at",
      )) as unknown as DeploymentRow[])
    : [];
  const invalid = await query(
    url,
    "select indexrelid::regclass::text as name from pg_index where not indisvalid",
  );
  return {
    ledger,
    schema: fingerprintOf(await schemaOf(url)),
    control,
    deployments,
    invalidIndexes: invalid.map(({ name }) => String(name)),
    halfDone: control.find(
      ({ status, transactional }) => transactional === false && (status === "running" || status === "failed"),
    )?.version,
  };
}

/** The fingerprints of the schema after each whole part of a plan, by the versions that are applied then. */
export type KnownSchemas = ReadonlyMap<string, string>;

/** What is wrong with how an environment stands right after something went wrong; nothing half-done may be visible. */
export function problemsOf(standing: Standing, known: KnownSchemas, plan: DeployPlan): string[] {
  const { ledger, schema, control, deployments, invalidIndexes, halfDone } = standing;
  const problems: string[] = [];
  const expected = known.get(ledger.join());
  if (expected === undefined) problems.push(`the ledger holds ${ledger.join() || "nothing"}`);
  else if (halfDone === undefined && schema !== expected)
    problems.push("the schema is not what the ledger says");
  if (halfDone === undefined && invalidIndexes.length > 0) {
    problems.push(`${invalidIndexes.join()} is invalid, and nothing says so`);
  }
  for (const { version, status } of control) {
    const isApplied = version === firstVersion || ledger.includes(version);
    if (isApplied !== (status === "complete")) {
      problems.push(`${version} is ${isApplied ? "applied" : "not applied"} and recorded as ${status}`);
    }
  }
  const all = plan.batches.flat();
  const isWhole = ledger.length === all.length;
  if (isWhole !== deployments.some(({ outcome }) => outcome === "applied")) {
    problems.push(`${ledger.length} of ${all.length} are applied, recorded: ${outcomesOf(deployments)}`);
  }
  return problems;
}

/** The same after a deployment has gone through. */
export function problemsAtTheEnd(standing: Standing, known: KnownSchemas, plan: DeployPlan): string[] {
  const { ledger, control, deployments, invalidIndexes, halfDone } = standing;
  const problems = problemsOf(standing, known, plan);
  if (ledger.length !== plan.batches.flat().length) problems.push("not everything is applied");
  if (halfDone !== undefined) problems.push(`${halfDone} is still half-done`);
  if (invalidIndexes.length > 0) problems.push(`${invalidIndexes.join()} is invalid`);
  const open = control.filter(({ status }) => status !== "complete");
  if (open.length > 0) problems.push(`${open.map(({ version }) => version).join()} is not complete`);
  if (deployments.filter(({ outcome }) => outcome === "applied").length !== 1) {
    problems.push(`recorded: ${outcomesOf(deployments)}`);
  }
  if (deployments.some(({ outcome }) => outcome === "running"))
    problems.push("a deployment is still running");
  return problems;
}

/** What the next deployment has to record of those that did not end. */
export function outcomesToCome({ ledger, deployments }: Standing): Map<string, string> {
  const running = deployments.filter(({ outcome }) => outcome === "running");
  return new Map(
    running.map(({ id, migrations }) => {
      const applied = migrations.filter((version) => ledger.includes(version)).length;
      const outcome = applied === 0 ? "unchanged" : applied === migrations.length ? "applied" : "interrupted";
      return [id, outcome];
    }),
  );
}

/** The last record that a process left in the project's journal. */
export function newestJournal({ root }: Production): Record<string, unknown>[] {
  const folder = join(root, ".pantler/journal");
  const newest = readdirSync(folder).sort().at(-1);
  if (newest === undefined) return [];
  const lines = readFileSync(join(folder, newest), "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Record<string, unknown>);
}

function outcomesOf(deployments: readonly DeploymentRow[]): string {
  return deployments.map(({ outcome }) => outcome).join() || "no deployment";
}
