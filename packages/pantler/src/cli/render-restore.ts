import type { RestorePreview, RestoreResult } from "../index.js";
import { counted, grouped, timeInWords } from "../operation/index.js";
import { type Cell, inColumns, inPairs, printable } from "./columns.js";
import type { Paint } from "./output.js";
import { age } from "./quantities.js";
import type { WantedRestore } from "./wanted-restore.js";

/** What a JSON result says of a restore that is only looked at. */
export function previewFields(wanted: WantedRestore, preview: RestorePreview): Record<string, unknown> {
  const { environment } = wanted.target;
  const confirm = environment.protected && !preview.empty ? environment.name : null;
  return { dryRun: true, backup: wanted.backup.id, ...targetFields(wanted), confirm, ...preview };
}

/** What a JSON result says of a restore. */
export function restoredFields(wanted: WantedRestore, result: RestoreResult): Record<string, unknown> {
  return {
    dryRun: false,
    ...result,
    ...targetFields(wanted),
    safety: result.safety ?? null,
    schemaEqual: result.schemaEqual ?? null,
  };
}

function targetFields({ target, isNew }: WantedRestore): Record<string, unknown> {
  return { environment: target.environment.name, database: target.url, made: isNew };
}

/** Tables with their rows now and then. */
export function renderPreview(wanted: WantedRestore, preview: RestorePreview, paint: Paint): string {
  const { backup, target, isNew } = wanted;
  const { manifest } = backup;
  const then = wanted.request.merge ? "in the backup" : "then";
  const heading: Cell[] = [
    { text: "  table", paint: paint.dim },
    { text: "now", right: true, paint: paint.dim },
    { text: " " },
    { text: then, right: true, paint: paint.dim },
  ];
  const rows = preview.tables.map(({ schema, name, now, then: after }): Cell[] => {
    const isSame = now === after;
    const paintRow = isSame ? paint.dim : undefined;
    return [
      { text: `  ${schema}.${name}`, paint: paintRow },
      { text: now === null ? "-" : grouped(now), right: true, paint: paintRow },
      { text: "→", paint: paint.dim },
      { text: grouped(after), right: true, paint: paintRow },
      ...(now === null ? [{ text: "made", paint: paint.good }] : []),
    ];
  });
  const dropped = preview.dropped.map(({ schema, name, rows: now }): Cell[] => [
    { text: `  ${schema}.${name}` },
    { text: grouped(now), right: true },
    { text: "→", paint: paint.dim },
    { text: "-", right: true },
    { text: "dropped", paint: paint.warning },
  ]);
  return [
    `Restore of ${paint.bold(manifest.id)}`,
    ...inPairs(
      [
        ["taken", `${age(manifest.createdAt, new Date())} of ${printable(manifest.environment)}`],
        ["into", `${printable(target.environment.name)}, ${target.url}`],
        ["change", isNew ? "The database is made first." : describeChange(wanted, preview)],
        ...schemaPairs(preview),
      ],
      paint.dim,
    ),
    ...(rows.length + dropped.length > 0 ? ["", ...inColumns([heading, ...rows, ...dropped])] : []),
  ].join("\n");
}

function schemaPairs({ way, empty, schemaEqual }: RestorePreview): [string, string][] {
  if (empty) return [];
  if (schemaEqual) return [["schema", "That of the backup already."]];
  return [
    ["schema", way === "rows" ? "Not that of the backup; it stays as it is." : "Becomes that of the backup."],
  ];
}

/** What a restore changes, in a sentence. */
export function describeChange({ request }: WantedRestore, preview: RestorePreview): string {
  const { way, empty, tables, dropped } = preview;
  const present = [...tables, ...dropped.map(({ rows }) => ({ now: rows }))].filter(
    ({ now }) => now !== null,
  );
  const rows = present.reduce((sum, { now }) => sum + (now ?? 0), 0);
  const amounts = `${counted(present.length, "table")}, ${counted(rows, "row")}`;
  if (empty && way !== "rows") return "The database is empty.";
  if (way === "everything") return `What is there (${amounts}) is replaced by the backup.`;
  if (way === "schema") return `What is there (${amounts}) is dropped; the schema comes back without it.`;
  switch (request.merge) {
    case "skip":
      return `Missing rows of ${counted(tables.length, "table")} are brought back; all others stay as they are.`;
    case "update":
      return `Missing and changed rows of ${counted(tables.length, "table")} become those of the backup; others stay.`;
    case undefined:
      return `The rows of ${counted(present.length, "table")} (${counted(rows, "row")}) are replaced.`;
  }
}

/** What a restore has done. */
export function renderRestored(
  { target, backup }: WantedRestore,
  result: RestoreResult,
  paint: Paint,
): string {
  const { tables, safety, schemaEqual, milliseconds } = result;
  const { name } = target.environment;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const merged = tables.flatMap(({ merged: each }) => each ?? []);
  const amounts = `${counted(tables.length, "table")}, ${counted(rows, "row")}`;
  const pairs: [string, string][] = [];
  if (merged.length === 0) pairs.push(["rows", `${amounts}, compared with the backup`]);
  for (const [place, table] of tables.filter((each) => each.merged).entries()) {
    const { inserted = 0, updated = 0 } = table.merged ?? {};
    const did = `${grouped(inserted)} brought back, ${grouped(updated)} changed`;
    pairs.push([place === 0 ? "merged" : "", `${printable(`${table.schema}.${table.name}`)}: ${did}`]);
  }
  if (schemaEqual !== undefined) {
    pairs.push([
      "schema",
      schemaEqual
        ? `${backup.manifest.schema.fingerprint}, as in the backup`
        : paint.warning("not in every respect that of the backup"),
    ]);
  }
  if (safety !== undefined) pairs.push(["before", `${safety}, a proven backup of what was there`]);
  const headline = `${paint.bold(name)} is restored from ${result.backup} in ${timeInWords(milliseconds)}`;
  return [headline, ...inPairs(pairs, paint.dim)].join("\n");
}
