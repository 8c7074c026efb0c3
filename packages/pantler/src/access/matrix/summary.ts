import { calledBy, columnsInWords } from "./access-words.js";
import {
  type AccessMatrix,
  type Cell,
  type Command,
  commands,
  type Level,
  type MeasuredFunction,
  type MeasuredRelation,
} from "./matrix.js";

/** How far a command reaches, over all rows, whosever they are. */
export type Extent = "all" | "some" | "own" | "none" | "no rows" | "undecided";

/** The order in which they are explained. */
export const extents: readonly Extent[] = ["all", "some", "own", "none", "no rows", "undecided"];

export const extentInWords: Readonly<Record<Extent, string>> = {
  all: "any row",
  some: "some rows that are not its own",
  own: "its own rows only",
  none: "nothing",
  "no rows": "not known: there was no row to try it on",
  undecided: "not known: see below",
};

/** Tells how far a command reaches in a cell: the furthest that was found, unless that is in doubt. */
export function extentOf(cell: Cell, command: Command): Extent {
  const { own, ...others } = cell[command].verdicts;
  const levels = Object.values(others).map(({ level }) => level);
  const has = (...wanted: Level[]) => levels.some((level) => wanted.includes(level));
  if (has("all", "some")) {
    const isAll = levels.every((level) => level === "all" || level === "no rows");
    return isAll && (own === undefined || own.level === "all" || own.level === "no rows") ? "all" : "some";
  }
  if (has("undecided") || own?.level === "undecided") return "undecided";
  if (own?.level === "all" || own?.level === "some") return "own";
  return has("no rows") || own?.level === "no rows" ? "no rows" : "none";
}

/** What the symbols of a grid do not tell, a sentence each, with whom it concerns. */
export function remarksOf(matrix: AccessMatrix): string[] {
  const found = new Map<string, { subject: string; what: string; identities: string[] }>();
  const note = (subject: string, identity: string, what: string) => {
    const key = JSON.stringify([subject, what]);
    const known = found.get(key);
    if (known) known.identities.push(identity);
    else found.set(key, { subject, what, identities: [identity] });
  };
  for (const relation of matrix.relations) {
    for (const [identity, cell] of Object.entries(relation.cells)) {
      for (const what of remarksOn(relation, cell)) note(titleOf(relation), identity, what);
    }
  }
  for (const { name, calls } of matrix.functions) {
    for (const [identity, { callable, returns, why }] of Object.entries(calls)) {
      if (callable && returns === undefined && why !== undefined && why !== "it needs arguments") {
        note(calledBy(name), identity, `not called: ${why}`);
      }
    }
  }
  // What is the same of many tables is said once.
  const alike = new Map<string, string[]>();
  for (const { subject, what, identities } of found.values()) {
    const words = `${what} (${identities.join(", ")})`;
    alike.set(words, [...(alike.get(words) ?? []), subject]);
  }
  return [...matrix.notes, ...[...alike].map(([words, subjects]) => `${subjects.join(", ")}: ${words}`)];
}

function remarksOn(relation: MeasuredRelation, cell: Cell): string[] {
  const remarks = [...cell.notes];
  for (const command of commands) {
    const { granted, verdicts } = cell[command];
    const all = relation.columns.length;
    if (command !== "delete" && granted.length > 0 && granted.length < all) {
      remarks.push(`${command} was granted on ${columnsInWords(granted)} alone`);
    }
    for (const { level, why } of Object.values(verdicts)) {
      if (level === "undecided") remarks.push(`${command} is not known: ${why ?? "it could not be tried"}`);
    }
  }
  const { steals, claims, "gives away": gives } = cell.update.ownership;
  if (steals) remarks.push(`another's row can be made one's own (${steals.join(", ")})`);
  if (claims) remarks.push(`nobody's row can be made one's own (${claims.join(", ")})`);
  if (gives) remarks.push(`one's own row can be made another's (${gives.join(", ")})`);
  if (cell.update.ownershipUnclear)
    remarks.push(`whether owners can be changed is not known: ${cell.update.ownershipUnclear}`);
  for (const { level, unclear = [], why } of Object.values(cell.update.verdicts)) {
    if (unclear.length === 0 || level === "undecided") continue;
    remarks.push(`whether ${columnsInWords(unclear)} can be changed is not known${why ? `: ${why}` : ""}`);
  }
  return [...new Set(remarks)];
}

/** A relation's name without `public`. */
export function titleOf({ schema, name }: Pick<MeasuredRelation, "schema" | "name">): string {
  return calledBy(`${schema}.${name}`);
}

/** What an identity gets from a function, in a word or two. */
export function callInWords({ calls }: MeasuredFunction, identity: string): string {
  const call = calls[identity];
  if (!call) return "not measured";
  if (!call.callable) return "may not call it";
  if (call.returns === undefined) return "callable, not called";
  return call.rows === undefined || call.rows === 0 ? call.returns : `${call.rows} rows`;
}
