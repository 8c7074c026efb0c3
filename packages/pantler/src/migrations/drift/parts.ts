import type { SchemaDifference } from "../../schema/index.js";

/** What names an object, and its definition where that tells what it is part of. */
export interface NamedObject {
  readonly kind: string;
  readonly name: string;
  readonly definition: string;
}

/** What an object is known by. */
export function keyOf({ kind, name }: Pick<NamedObject, "kind" | "name">): string {
  return JSON.stringify([kind, name]);
}

/** Kinds that are named by a table's name and their own after its last dot. */
const onTables = new Set(["column", "constraint", "trigger", "policy", "rule"]);

/** Kinds that others can be part of. */
export const wholes: ReadonlySet<string> = new Set([
  ...["schema", "table", "view", "materialized view", "sequence", "type", "function", "aggregate"],
]);

/**
 * Splits a name as the server writes it at its last dot that stands outside of quotes.
 * @returns both parts, with their quotes; the first is empty where there is no dot
 */
export function splitName(name: string): { readonly before: string; readonly last: string } {
  let quoted = false;
  let at = -1;
  for (const [index, character] of [...name].entries()) {
    if (character === '"') quoted = !quoted;
    else if (character === "." && !quoted) at = index;
  }
  const characters = [...name];
  return at < 0
    ? { before: "", last: name }
    : { before: characters.slice(0, at).join(""), last: characters.slice(at + 1).join("") };
}

/**
 * Names the table, view, function, … that an object is part of, as its own entry is named; undefined for what stands
 * alone.
 * @param names the things that may be meant
 */
export function wholeOf(object: NamedObject, names: ReadonlySet<string>): string | undefined {
  const { kind, name } = object;
  if (onTables.has(kind)) return known(splitName(name).before, names);
  if (kind === "index") return [...names].find((each) => object.definition.includes(` ON ${each} USING `));
  if (kind.endsWith(" grant")) {
    const of = name.slice(0, name.lastIndexOf(" to "));
    return kind === "column grant" ? known(splitName(of).before, names) : known(of, names);
  }
  if (kind === "comment") return [...names].find((each) => isAbout(name, each));
  return undefined;
}

function known(name: string, names: ReadonlySet<string>): string | undefined {
  return names.has(name) ? name : undefined;
}

/** A comment is named by type and identity: `table public.t`, `table column public.t.c`, `policy p on public.t`. */
function isAbout(name: string, whole: string): boolean {
  return name.endsWith(` ${whole}`) || (name.startsWith("table column ") && name.includes(` ${whole}.`));
}

/**
 * Leaves out of differences what is only a part of something that is missing, or extra, as a whole: the columns of a
 * table that is gone say no more than that it is gone.
 */
export function outermost(differences: readonly SchemaDifference[]): SchemaDifference[] {
  const sideOf = ({ left, right }: SchemaDifference) =>
    right === undefined ? "left" : left === undefined ? "right" : undefined;
  const namesOn = (side: "left" | "right") =>
    new Set(
      differences.filter((each) => sideOf(each) === side && wholes.has(each.kind)).map(({ name }) => name),
    );
  const names = { left: namesOn("left"), right: namesOn("right") };
  return differences.filter((each) => {
    const side = sideOf(each);
    if (side === undefined) return true;
    return wholeOf({ ...each, definition: each[side] ?? "" }, names[side]) === undefined;
  });
}
