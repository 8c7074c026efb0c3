import { stripVTControlCharacters } from "node:util";
import { type Backup, isUsable, type ListedBackup, type ListedStore, storedBytes } from "../backup/index.js";
import type { Project } from "../index.js";
import { counted, grouped } from "../operation/index.js";
import { pathInProject } from "../project/index.js";
import { rowsOf } from "./backup-fields.js";
import { type Cell, inColumns, printable } from "./columns.js";
import type { Paint } from "./output.js";
import { age, size } from "./quantities.js";
import { describeDrill } from "./render-backup.js";

/** All backups, each in a line where the terminal is wide enough, else in two. */
export function renderBackups(
  project: Project,
  stores: readonly ListedStore[],
  backups: readonly ListedBackup[],
  paint: Paint,
): string {
  const unreadable = stores.flatMap(({ location, problem }) =>
    problem ? [`${paint.bad("✗")} ${location} could not be read`] : [],
  );
  const places = stores
    .filter(({ problem }) => !problem)
    .map(({ location }) => pathInProject(project, location));
  if (backups.length === 0) {
    const none = places.length > 0 ? [`There are no backups in ${places.join(", ")}.`] : [];
    return [...none, ...unreadable].join("\n");
  }
  const now = new Date();
  const rows = backups.map((listed) => cellsOf(listed, project, paint, now));
  const heading = ["backup", "age", "environment", "kind", "rows", "size"].map((text, place) => ({
    text,
    right: place > 3,
    paint: paint.dim,
  }));
  const wide = inColumns([heading, ...rows.map(({ facts }) => facts)]).map((line, place) => {
    const state = place === 0 ? paint.dim("state") : rows[place - 1]?.state;
    return `${line}  ${state}`;
  });
  const width = process.stdout.columns;
  const isNarrow = width !== undefined && wide.some((line) => shownWidth(line) > width);
  return [...(isNarrow ? rows.flatMap(({ narrow }) => narrow) : wide), ...unreadable].join("\n");
}

interface Shown {
  readonly facts: readonly Cell[];
  readonly state: string;
  /** The same in two lines. */
  readonly narrow: readonly string[];
}

function cellsOf(listed: ListedBackup, project: Project, paint: Paint, now: Date): Shown {
  if (!isUsable(listed)) {
    const state = paint.bad(listed.problem.code === "format-newer" ? "of a newer Pantler" : "damaged");
    const facts = [{ text: listed.id }, ...Array.from({ length: 5 }, () => ({ text: "-", right: true }))];
    return { facts, state, narrow: [`${listed.id}  ${state}`] };
  }
  const { id, manifest } = listed;
  const owner = manifest.project === project.name ? "" : `${manifest.project}/`;
  const facts: Cell[] = [
    { text: id },
    { text: age(manifest.createdAt, now), paint: paint.dim },
    { text: `${owner}${manifest.environment}` },
    { text: manifest.kind },
    { text: grouped(rowsOf(listed)), right: true },
    { text: size(storedBytes(manifest).own), right: true },
  ];
  const extras = [...(manifest.encryption ? ["encrypted"] : []), ...named(listed)];
  const state = [describeDrill(listed, paint, now), ...extras.map(paint.dim)].join(paint.dim(" · "));
  const inWords = [
    age(manifest.createdAt, now),
    printable(`${owner}${manifest.environment}`),
    manifest.kind,
    counted(rowsOf(listed), "row"),
    size(storedBytes(manifest).own),
    ...extras,
  ];
  return {
    facts,
    state,
    narrow: [`${id}  ${describeDrill(listed, paint, now)}`, paint.dim(`  ${inWords.join(" · ")}`)],
  };
}

function named({ manifest }: Backup): string[] {
  return manifest.name === undefined ? [] : [`“${printable(manifest.name)}”`];
}

function shownWidth(line: string): number {
  return [...stripVTControlCharacters(line)].length;
}
