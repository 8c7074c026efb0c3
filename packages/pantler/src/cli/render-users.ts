import type { HandoverPlan, HandoverResult, KnownUser, ListedUser, PlannedRows, UserList } from "../index.js";
import { atMost, counted, grouped, timeInWords } from "../operation/index.js";
import type { DatabaseUrl } from "../project/index.js";
import { type Cell, inColumns, inPairs, printable } from "./columns.js";
import type { Paint } from "./output.js";
import { age } from "./quantities.js";
import { shortName } from "./short-name.js";

/** So many users are shown; JSON has all. */
const shownAtMost = 200;

/** So many are named by each column who are no users. */
const strangersAtMost = 3;

/** What a JSON result says of users. */
export function userListFields({ users, strangers }: UserList): Record<string, unknown> {
  return {
    users: users.map(({ role, createdAt, lastSignInAt, bannedUntil, deletedAt, ...user }) => ({
      ...user,
      role: role ?? null,
      createdAt: createdAt ?? null,
      lastSignInAt: lastSignInAt ?? null,
      bannedUntil: bannedUntil ?? null,
      deletedAt: deletedAt ?? null,
    })),
    strangers,
  };
}

/** A line for each user, and below it where rows name them. */
export function renderUsers({ users, strangers }: UserList, now: Date, paint: Paint): string {
  if (users.length === 0) return "There are no users.";
  const heading = ["user", "role", "last sign-in", "", "rows that name them"].map(
    (text): Cell => ({ text, paint: paint.dim }),
  );
  const shown = users.slice(0, shownAtMost);
  const lines = inColumns([heading, ...shown.map((user) => cellsOf(user, now, paint))]);
  const more = users.length - shown.length;
  return [
    ...lines,
    ...(more > 0 ? [paint.dim(`and ${counted(more, "user")} more: --json has all`)] : []),
    ...strangersInWords(strangers).map((line) => `${paint.warning("!")} ${line}`),
  ].join("\n");
}

/** A line for each column that names somebody who is no user. */
function strangersInWords(strangers: UserList["strangers"]): string[] {
  const columns = new Map<string, UserList["strangers"][number][]>();
  for (const stranger of strangers) {
    const title = `${shortName(stranger.table)}.${stranger.column}`;
    const found = columns.get(title) ?? [];
    found.push(stranger);
    columns.set(title, found);
  }
  return [...columns].map(([title, found]) => {
    const rows = found.reduce((sum, each) => sum + each.rows, 0);
    const ids = atMost(
      found.map(({ id }) => printable(id)),
      strangersAtMost,
    );
    return `${title} names nobody who is there in ${counted(rows, "row")}: ${ids.join(", ")}`;
  });
}

function cellsOf(user: ListedUser, now: Date, paint: Paint): Cell[] {
  const { lastSignInAt, owns, files } = user;
  const places = owns.map(({ table, column, rows }) => `${shortName(table)}.${column} ${grouped(rows)}`);
  return [
    { text: nameOf(user), paint: paint.bold },
    { text: user.role ?? "-" },
    { text: lastSignInAt === undefined ? "never" : age(`${lastSignInAt}Z`, now) },
    { text: standing(user, now), paint: paint.warning },
    { text: [...places, ...atMost(files, 3).map((file) => `file ${file}`)].join(", ") || "none" },
  ];
}

function standing({ deletedAt, bannedUntil }: ListedUser, now: Date): string {
  if (deletedAt !== undefined) return "deleted";
  if (bannedUntil === undefined) return "";
  return bannedUntil === "infinity" || Date.parse(`${bannedUntil}Z`) > now.getTime() ? "banned" : "";
}

/** What a JSON result says of a handover, or of a plan. */
export function handoverFields(result: HandoverResult): Record<string, unknown> {
  const { phrase, backup, undo, ...others } = result;
  return { ...others, phrase: phrase ?? null, backup: backup ?? null, undo: undo ?? null };
}

/** What a handover would do, in a sentence. */
export function describeHandover(plan: HandoverPlan, url: DatabaseUrl): string {
  const { from, to, environment, logins, rows, moving } = plan;
  const deleted = rows.reduce((sum, each) => sum + (each.fate === "deleted" ? each.rows : 0), 0);
  const also = deleted > 0 ? `, with ${counted(deleted, "row")} about the user` : "";
  const end = logins.length > 0 ? ` ${nameOf(from)} is deleted${also}.` : "";
  return `${counted(moving, "row")} of ${nameOf(from)} in ${environment} (${url}) become ${nameOf(to)}'s.${end}`;
}

const fates: Record<PlannedRows["fate"], string> = {
  moves: "move",
  stays: "stay",
  deleted: "are deleted",
  emptied: "name nobody then",
  blocks: "are in the way",
};

/** Each column that names the user, with what becomes of its rows and why; then what ends with the user. */
export function renderHandoverPlan(plan: HandoverPlan, paint: Paint): string {
  const { from, to, rows, logins, environment } = plan;
  const verb = logins.length > 0 ? "Off-boarding" : "Reassignment";
  const lines = inColumns(
    rows.map(({ table, column, rows: count, fate, because }): Cell[] => [
      { text: `  ${shortName(table)}.${column}` },
      { text: grouped(count), right: true },
      { text: fates[fate], paint: fate === "moves" ? undefined : paint.warning },
      { text: because, paint: paint.dim },
    ]),
  );
  const ended = logins.map(({ table, rows: count }) => `${shortName(table)} ${grouped(count)}`);
  return [
    `${verb} in ${paint.bold(environment)}: ${paint.bold(nameOf(from))} → ${paint.bold(nameOf(to))}`,
    ...(lines.length > 0 ? lines : ["  no row names the user"]),
    ...(ended.length > 0 ? inPairs([["ends", ended.join(", ")]], paint.dim) : []),
  ].join("\n");
}

/** What the database cannot take back: see docs/users.md. */
const tokensLast = "an access token that is out already works until it expires, an hour at most by default";

/** What a handover has done, or would do. */
export function renderHandover(result: HandoverResult, paint: Paint): string {
  const { outcome, from, to, backup, undo, milliseconds } = result;
  if (outcome === "planned") return renderHandoverPlan(result, paint);
  if (outcome === "nothing to do") {
    return [
      `Nothing to do: no row moves from ${nameOf(from)} to ${nameOf(to)}`,
      ...staying(result).map((line) => `  ${paint.dim("stays")}  ${line}`),
    ].join("\n");
  }
  const moved = counted(result.moving, "row");
  const gone = outcome === "offboarded" ? `, and ${paint.bold(nameOf(from))} is deleted` : "";
  const pairs: [name: string, value: string][] = [];
  if (staying(result).length > 0) pairs.push(["stay", staying(result).join(", ")]);
  if (outcome === "offboarded") {
    pairs.push(["verified", "nothing refers to the user any more"]);
    pairs.push(["sessions", `ended; ${tokensLast}`]);
  }
  if (backup !== undefined) pairs.push(["backup", `${backup}, a proven backup of what was there`]);
  if (undo !== undefined) pairs.push(["undo", undo]);
  return [
    `${paint.good("✓")} ${moved} of ${paint.bold(nameOf(from))} are ${paint.bold(nameOf(to))}'s${gone}, in ${timeInWords(milliseconds)}`,
    ...(pairs.length > 0 ? inPairs(pairs, paint.dim) : []),
  ].join("\n");
}

function staying({ rows }: HandoverPlan): string[] {
  return rows
    .filter(({ fate }) => fate === "stays")
    .map(
      ({ table, column, rows: count, because }) =>
        `${shortName(table)}.${column} ${grouped(count)} (${because})`,
    );
}

function nameOf({ id, email }: KnownUser): string {
  return printable(email ?? id);
}
