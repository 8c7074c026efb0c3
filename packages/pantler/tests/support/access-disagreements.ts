import type { AccessMatrix, Cell } from "../../src/index.js";
import { findTruth, type RowTruth, type Truth, type TruthClass } from "./access-truth.js";
import { seededRandom, trialSeed } from "./kill-trials.js";
import { cellOf, withPeople } from "./measuring.js";
import { randomAccess } from "./random-policies.js";

/** What the matrix says and what was really possible, where the two differ. */
interface Disagreement {
  readonly kind: "leak missed" | "false alarm";
  readonly about: string;
  readonly sentence: string;
}

interface AccessTrial {
  readonly disagreements: readonly Disagreement[];
  /** So many verdicts were compared, and so many of them told nothing. */
  readonly verdicts: number;
  readonly undecided: readonly string[];
  readonly statements: string;
}

/** So many rows of a class the matrix tries; where there are more, `all` stands for those. */
const triedRows = 6;

const classes = ["own", "others", "nobodys", "rows"] as const;

/** Makes up a schema, measures it, does everything for real, and compares. */
async function tryRandomAccess(random: () => number): Promise<AccessTrial> {
  const access = randomAccess(random);
  const trial: AccessTrial[] = [];
  await withPeople(access.statements, async ({ admin, measure }) => {
    const matrix = await measure();
    const truths = await findTruth(admin, access);
    trial.push({ ...compare(matrix, truths), statements: access.statements });
  });
  const [done] = trial;
  if (!done) throw new Error("the trial did not take place");
  return done;
}

function compare(matrix: AccessMatrix, truths: readonly Truth[]): Omit<AccessTrial, "statements"> {
  const found: Disagreement[] = [];
  const undecided: string[] = [];
  let verdicts = 0;
  for (const truth of truths) {
    const cell = cellOf(matrix, truth.identity, truth.relation.name);
    const report = (kind: Disagreement["kind"], about: string, words: string) =>
      found.push({ kind, about, sentence: `${truth.identity} ${truth.relation.name}: ${words}` });
    const expected = truth.relation.owner === undefined ? ["rows"] : ["own", "others", "nobodys"];
    const strange = Object.keys(cell.select.verdicts).find((each) => !expected.includes(each));
    if (strange !== undefined) {
      report("false alarm", "classes", `${strange} is told, and ${expected.join(", ")} are its classes`);
      continue;
    }
    const compared = [
      ...compareSelect(cell, truth, report),
      ...compareDelete(cell, truth, report),
      ...compareUpdate(cell, truth, report),
      ...compareInsert(cell, truth, report),
    ];
    verdicts += compared.length;
    undecided.push(
      ...compared.flatMap((why) =>
        why === undefined ? [] : [`${truth.relation.isView ? "view" : "table"} ${why}`],
      ),
    );
    compareOwnership(cell, truth, report);
  }
  return { disagreements: found, verdicts, undecided };
}

type Report = (kind: Disagreement["kind"], about: string, words: string) => void;

/** For each class with rows: undefined where it was told, else why not. */
type Compared = (string | undefined)[];

function classesWithRows({ rows }: Truth): readonly (readonly [TruthClass, readonly RowTruth[]])[] {
  return classes.flatMap((each) => {
    const ours = rows.filter((row) => row.class === each);
    return ours.length === 0 ? [] : [[each, ours] as const];
  });
}

function levelOf(reached: number, of: number): string {
  return reached === 0 ? "none" : reached === of ? "all" : "some";
}

function compareSelect(cell: Cell, truth: Truth, report: Report): Compared {
  return classesWithRows(truth).map(([rowClass, rows]) => {
    const verdict = cell.select.verdicts[rowClass];
    const level = verdict?.level ?? "not told";
    if (level === "undecided" || level === "no rows") return `select ${level} ${verdict?.why ?? ""}`;
    if (rows.some(({ selects }) => selects === undefined)) {
      report("false alarm", "select", `select ${rowClass} fails and the matrix says ${level}`);
      return undefined;
    }
    const reached = rows.filter(({ selects }) => selects).length;
    const really = levelOf(reached, rows.length);
    // Rows that look alike are told as some of them, with a word that it may be all.
    const isHedged = level === "some" && really === "all" && verdict?.why !== undefined;
    if (really !== level && !isHedged) {
      const isMissed = level === "none" || (level === "some" && really === "all");
      report(
        isMissed ? "leak missed" : "false alarm",
        "select",
        `select ${rowClass}: ${level}, really ${really} (${reached} of ${rows.length})`,
      );
    }
    return undefined;
  });
}

/** A class's level for changes: `all` and `some` are of the rows that were tried. */
function compareLevel(
  command: string,
  rowClass: string,
  verdict: { readonly level: string; readonly why?: string | undefined } | undefined,
  reached: number,
  of: number,
  report: Report,
): string | undefined {
  const level = verdict?.level ?? "not told";
  if (level === "undecided" || level === "no rows") return `${command} ${level} ${verdict?.why ?? ""}`;
  const really = levelOf(reached, of);
  const words = `${command} ${rowClass}: ${level}, really ${really} (${reached} of ${of}); ${verdict?.why ?? ""}`;
  if (level === "none" && reached > 0) report("leak missed", command, words);
  else if (level !== "none" && reached === 0) report("false alarm", command, words);
  else if (of <= triedRows && level !== really) {
    report(level === "all" ? "false alarm" : "leak missed", `${command} level`, words);
  }
  return undefined;
}

function compareDelete(cell: Cell, truth: Truth, report: Report): Compared {
  return classesWithRows(truth).map(([rowClass, rows]) => {
    const reached = rows.filter(({ deletes }) => deletes).length;
    return compareLevel("delete", rowClass, cell.delete.verdicts[rowClass], reached, rows.length, report);
  });
}

function compareUpdate(cell: Cell, truth: Truth, report: Report): Compared {
  return classesWithRows(truth).map(([rowClass, rows]) => {
    const verdict = cell.update.verdicts[rowClass];
    const alone = rows.filter(({ columns }) => columns.length > 0).length;
    const either = rows.filter(({ columns, together }) => columns.length + together.length > 0).length;
    const reached = verdict?.level === "all" || (verdict?.level === "some" && alone === 0) ? either : alone;
    const why = compareLevel("update", rowClass, verdict, reached, rows.length, report);
    if (why !== undefined || !verdict) return why;
    if (verdict.level === "none" && alone === 0 && either > 0) {
      report(
        "leak missed",
        "update of several columns",
        `update ${rowClass}: none, and ${rows.flatMap((row) => row.together).join(", ")} with others`,
      );
    }
    const told = new Set([...(verdict.columns ?? []), ...(verdict.unclear ?? [])]);
    const possible = new Set(rows.flatMap(({ columns }) => columns));
    const imaginable = new Set(rows.flatMap(({ columns, together }) => [...columns, ...together]));
    const missed = [...possible].filter((column) => !told.has(column));
    if (missed.length > 0 && verdict.level !== "none") {
      report("leak missed", "columns", `update ${rowClass}: ${missed.join(", ")} can be changed`);
    }
    const wrong = (verdict.columns ?? []).filter((column) => !imaginable.has(column));
    if (wrong.length > 0)
      report("false alarm", "columns", `update ${rowClass}: ${wrong.join(", ")} cannot be changed`);
    return undefined;
  });
}

function compareInsert(cell: Cell, truth: Truth, report: Report): Compared {
  const told = Object.keys(cell.insert.verdicts) as TruthClass[];
  return told.map((rowClass) => {
    const verdict = cell.insert.verdicts[rowClass];
    const level = verdict?.level ?? "not told";
    if (level === "undecided" || level === "no rows") return `insert ${level} ${verdict?.why ?? ""}`;
    const isPossible = truth.inserts.has(rowClass);
    if (level === "none" && isPossible) {
      report("leak missed", "insert", `insert ${rowClass}: none, really possible; ${verdict?.why ?? ""}`);
    }
    // Without a row of the class, or a user to name, it is told by grants and policies alone.
    const isTried =
      truth.rows.some((row) => row.class === rowClass) ||
      (truth.rows.length > 0 && truth.relation.ownerColumn !== undefined);
    if (level !== "none" && !isPossible && isTried)
      report("false alarm", "insert", `insert ${rowClass}: ${level}, really none`);
    return undefined;
  });
}

const changes = [
  ["gives away", "own", "others"],
  ["steals", "others", "own"],
  ["claims", "nobodys", "own"],
] as const;

function compareOwnership(cell: Cell, { relation, rows }: Truth, report: Report): void {
  if (!relation.ownerColumn) return;
  for (const [change, from, to] of changes) {
    const level = cell.update.verdicts[from]?.level;
    if (level === "undecided" || level === "no rows") continue;
    const ours = rows.filter((row) => row.class === from);
    const isPossible = ours.some(({ became }) => became.includes(to));
    const isPossibleTogether = ours.some(({ becameTogether }) => becameTogether.includes(to));
    const isTold = cell.update.ownership[change] !== undefined;
    if (!isTold && cell.update.ownershipUnclear === undefined) {
      if (isPossible) report("leak missed", change, `${change} is possible`);
      else if (isPossibleTogether)
        report("leak missed", `${change} with others`, `${change} is possible with other columns`);
    }
    if (isTold && !isPossible && !isPossibleTogether)
      report("false alarm", change, `${change} is not possible`);
  }
}

/**
 * Tries some random schemas.
 * @param fixedSeed for always the same ones; by default they are others each time, or those of TRIAL_SEED
 * @returns what disagreed, in words, and how many verdicts there were and why some told nothing
 */
export async function tryRandomAccesses(
  trials: number,
  fixedSeed?: number,
): Promise<{ seed: number; problems: string; summary: string }> {
  const { seed, random } =
    fixedSeed === undefined ? trialSeed() : { seed: fixedSeed, random: seededRandom(fixedSeed) };
  const problems: string[] = [];
  const undecided = new Map<string, number>();
  let verdicts = 0;
  for (let trial = 0; trial < trials; trial++) {
    const done = await tryRandomAccess(random);
    verdicts += done.verdicts;
    for (const why of done.undecided) undecided.set(why, (undecided.get(why) ?? 0) + 1);
    if (done.disagreements.length === 0) continue;
    const sentences = done.disagreements.map(({ kind, sentence }) => `${kind}: ${sentence}`);
    problems.push([`trial ${trial}`, ...sentences, done.statements].join("\n"));
  }
  const reasons = [...undecided].sort((left, right) => right[1] - left[1]);
  const open = reasons.reduce((sum, [, count]) => sum + count, 0);
  const summary = [
    `${trials} trials, ${problems.length} with disagreements; ${verdicts} verdicts, ${open} of them undecided`,
    ...reasons.map(([why, count]) => `${count} × ${why}`),
  ].join("\n");
  return { seed, problems: problems.join("\n\n"), summary };
}
