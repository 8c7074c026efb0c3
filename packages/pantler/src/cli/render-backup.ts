import { type Backup, type Drill, storedBytes, type VerifyResult } from "../backup/index.js";
import type { Project } from "../index.js";
import { counted, grouped, timeInWords } from "../operation/index.js";
import { pathInProject } from "../project/index.js";
import { rowsOf } from "./backup-fields.js";
import { inColumns, inPairs, printable } from "./columns.js";
import type { Paint } from "./output.js";
import { age, size } from "./quantities.js";

/** A backup as it was just taken. */
export function renderCreated(backup: Backup, project: Project, paint: Paint): string {
  return [paint.bold(backup.id), ...inPairs(pairsOf(backup, project, paint, new Date()), paint.dim)].join(
    "\n",
  );
}

/** A backup with its tables. */
export function renderBackup(backup: Backup, project: Project, paint: Paint): string {
  const { manifest } = backup;
  const heading = [
    { text: "  table", paint: paint.dim },
    { text: "rows", right: true, paint: paint.dim },
    { text: "text", right: true, paint: paint.dim },
  ];
  const tables = manifest.tables.map(({ schema, name, rows, bytes }) => [
    { text: `  ${schema}.${name}` },
    { text: grouped(rows), right: true },
    { text: size(bytes), right: true, paint: paint.dim },
  ]);
  return [
    renderCreated(backup, project, paint),
    ...(tables.length > 0 ? ["", ...inColumns([heading, ...tables])] : []),
  ].join("\n");
}

/** What a drill found. */
export function renderDrill({ id }: Backup, drill: Drill, paint: Paint): string {
  const headline = drill.proven
    ? `${paint.good("✓")} ${id} is ${paint.good("proven")}: restored in ${timeInWords(drill.restoreMilliseconds)} and compared`
    : `${paint.bad("✗")} ${id} is ${paint.bad("not proven")}: ${counted(drill.differences.length, "difference")}`;
  return [headline, ...differenceLines(drill, paint)].join("\n");
}

/** What a look at every byte found. */
export function renderVerified(
  { id }: Backup,
  { files, bytes, problems }: VerifyResult,
  paint: Paint,
): string {
  if (problems.length === 0)
    return `${paint.good("✓")} ${id}: ${counted(files, "file")}, ${size(bytes)}, all as they were written`;
  const lines = problems.map((problem) => `  ${paint.bad("·")} ${printable(problem)}`);
  return [`${paint.bad("✗")} ${id} is damaged: ${counted(problems.length, "problem")}`, ...lines].join("\n");
}

function pairsOf(backup: Backup, project: Project, paint: Paint, now: Date): [string, string][] {
  const { manifest, store, drill } = backup;
  const { source, schema, tables } = manifest;
  const of =
    manifest.project === project.name
      ? manifest.environment
      : `${manifest.environment} of ${manifest.project}`;
  const amounts = `${counted(tables.length, "table")}, ${counted(rowsOf(backup), "row")}`;
  const place = store.folder === undefined ? store.location : pathInProject(project, store.folder);
  return [
    ...named(manifest.name),
    [
      "taken",
      `${age(manifest.createdAt, now)} of ${printable(of)}, database ${printable(source.database)}, PostgreSQL ${source.version}`,
    ],
    ["holds", `${kinds[manifest.kind]}: ${amounts}`],
    ["schema", `${schema.fingerprint}, ${counted(schema.objects, "object")}`],
    ["size", sizeOf(backup)],
    ["store", `${place}/${backup.id}`],
    ...(manifest.parent === undefined ? [] : [["parent", manifest.parent] satisfies [string, string]]),
    [
      "drill",
      `${describeDrill(backup, paint, now)}${drill ? "" : `; prove it with pantler backup drill ${endOf(backup)}`}`,
    ],
    ...(drill ? differenceLines(drill, paint).map((line): [string, string] => ["", line.trimStart()]) : []),
    ...manifest.leftOut.map((what, place): [string, string] => [
      place === 0 ? "left out" : "",
      printable(what),
    ]),
  ];
}

/** The random end of an id, which is enough to name a backup. */
function endOf({ id }: Backup): string {
  return id.slice(id.lastIndexOf("-") + 1);
}

function named(name: string | undefined): [string, string][] {
  return name === undefined ? [] : [["name", printable(name)]];
}

const kinds = {
  full: "everything",
  schema: "the schema and its ledger",
  data: "all rows",
  tables: "rows of some tables",
} as const;

function sizeOf({ manifest }: Backup): string {
  const { own, shared } = storedBytes(manifest);
  const borrowed = shared > 0 ? ` and ${size(shared)} of earlier backups` : "";
  const recipients = counted(manifest.recipients?.length ?? 0, "key");
  const encryption = {
    recipients: `encrypted to ${recipients} of age`,
    passphrase: "encrypted with a passphrase",
  };
  return `${size(own)}${borrowed}, ${manifest.encryption ? encryption[manifest.encryption] : "not encrypted"}`;
}

/** Whether a backup was proven, when, and how long its restore took. */
export function describeDrill({ drill }: Backup, paint: Paint, now: Date): string {
  if (!drill) return paint.warning("not drilled");
  const when = age(drill.at, now);
  if (!drill.proven) return paint.bad(`drill failed ${when}`);
  return `${paint.good("proven")} ${when}, restored in ${timeInWords(drill.restoreMilliseconds)}`;
}

/** So many differences are listed on a terminal; the record of the drill has them all. */
const listedDifferences = 20;

function differenceLines({ differences }: Drill, paint: Paint): string[] {
  const lines = differences
    .slice(0, listedDifferences)
    .map((each) => `  ${paint.bad("·")} ${printable(each)}`);
  const others = differences.length - lines.length;
  return others > 0 ? [...lines, `  ${paint.bad("·")} and ${others} more`] : lines;
}
