import type { ColumnFacts } from "./facts.js";

/**
 * Values that differ from a row's own, the likeliest to be taken first: what other rows hold, what policies speak of, then
 * made-up ones.
 * @param literals the texts in policies that read the column
 */
export function otherValues(
  column: ColumnFacts,
  at: number,
  own: string | null,
  pool: readonly (readonly (string | null)[])[],
  literals: readonly string[] = [],
): string[] {
  const held = pool.flatMap((values) => values[at] ?? []);
  const fromRows = [...new Set(held)].filter((value) => value !== own).slice(0, 2);
  const made = madeUp(column, own).filter((value) => value !== own);
  // All labels of an enum: one of them may be what a policy wants.
  const most = column.labels === null ? 4 : 20;
  const spokenOf = column.category === "S" ? literals.filter((value) => value !== own) : [];
  return [...new Set([...fromRows, ...spokenOf, ...made])].slice(0, most + spokenOf.length);
}

/** https://www.postgresql.org/docs/17/catalog-pg-type.html#CATALOG-TYPCATEGORY-TABLE */
function madeUp({ category, labels, type }: ColumnFacts, own: string | null): string[] {
  switch (category) {
    case "B":
      return own === "true" ? ["false"] : ["true"];
    case "N":
      return [isPlain(own) ? String(BigInt(own.split(".")[0] ?? "0") + 1n) : "1", "0"];
    case "D":
      return type.startsWith("time") && !type.startsWith("timestamp")
        ? ["04:05:06"]
        : ["2001-02-03 04:05:06"];
    case "T":
      return ["1 hour"];
    case "E":
      return [...(labels ?? [])];
    case "A":
      return ["{}"];
    case "S":
      return [`${own ?? ""}x`, "x"];
    case "I":
      return ["192.0.2.1"];
    default:
      return madeUpByType[type] ?? [];
  }
}

const madeUpByType: Readonly<Record<string, string[]>> = {
  uuid: ["00000000-0000-4000-8000-000000000001"],
  json: ["{}", "[]"],
  jsonb: ["{}", "[]"],
  tsvector: ["x"],
  bytea: ["\\x00"],
  xml: ["<x/>"],
  macaddr: ["08:00:2b:01:02:03"],
};

function isPlain(text: string | null): text is string {
  return text !== null && /^-?\d{1,15}(\.\d+)?$/.test(text);
}
