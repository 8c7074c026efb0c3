import type { TypeName } from "libpg-query";
import { asNode, namesIn } from "../../schema/index.js";

/** A column's type by its name in `pg_type`, such as `int4`, with what stands in parentheses. */
export interface ColumnType {
  readonly name: string;
  readonly modifiers: readonly number[];
  readonly array: boolean;
}

/** Reads the type that a statement names. */
export function readType(type: TypeName | undefined): ColumnType | undefined {
  const name = namesIn(type?.names).at(-1);
  if (type === undefined || name === undefined) return undefined;
  const modifiers = (type.typmods ?? []).flatMap((node) => {
    const value = asNode(node, "A_Const")?.ival;
    return value === undefined ? [] : [value.ival ?? 0];
  });
  return { name: serials.get(name) ?? name, modifiers, array: (type.arrayBounds ?? []).length > 0 };
}

/** What these really are: an integer with a sequence behind it. */
const serials: ReadonlyMap<string, string> = new Map([
  ["smallserial", "int2"],
  ["serial2", "int2"],
  ["serial", "int4"],
  ["serial4", "int4"],
  ["bigserial", "int8"],
  ["serial8", "int8"],
]);

/**
 * Reads a type as `pg_attribute` keeps it (the layout of atttypmod is that of PostgreSQL's varchar.c and numeric.c).
 * @param name `pg_type.typname`, with the underscore that arrays have
 */
export function readLiveType(name: string, typmod: number): ColumnType {
  const array = name.startsWith("_");
  const base = array ? name.slice(1) : name;
  if (typmod < 0) return { name: base, modifiers: [], array };
  if (base === "varchar" || base === "bpchar") return { name: base, modifiers: [typmod - 4], array };
  if (base === "numeric") {
    const packed = typmod - 4;
    return { name: base, modifiers: [(packed >> 16) & 0xffff, packed & 0x7ff], array };
  }
  return { name: base, modifiers: [], array };
}

/** Types into which every value of another fits. */
const wider: Readonly<Record<string, readonly string[]>> = {
  int2: ["int4", "int8", "numeric", "float4", "float8"],
  int4: ["int8", "numeric", "float8"],
  int8: ["numeric"],
  float4: ["float8"],
  varchar: ["citext"],
  text: ["citext"],
  citext: ["text"],
  date: ["timestamp", "timestamptz"],
  timestamp: ["timestamptz"],
  timestamptz: ["timestamp"],
  json: ["jsonb"],
  jsonb: ["json"],
  cidr: ["inet"],
};

/** Whether no value can be lost, or refused, on the way from one type to another. */
export function keepsEveryValue(from: ColumnType, to: ColumnType): boolean {
  if (from.array !== to.array) return false;
  // Every value has a text form from which it can be read back.
  if (!to.array && (to.name === "text" || (to.name === "varchar" && to.modifiers.length === 0))) return true;
  if (from.name !== to.name) return to.modifiers.length === 0 && (wider[from.name] ?? []).includes(to.name);
  if (to.modifiers.length === 0) return true;
  const [length, scale = 0] = from.modifiers;
  const [newLength = 0, newScale = 0] = to.modifiers;
  if (length === undefined)
    return from.name !== "varchar" && from.name !== "bpchar" && from.name !== "numeric";
  if (to.name === "numeric") return newScale >= scale && newLength - newScale >= length - scale;
  return newLength >= length;
}

/** Whether values of the type are free text, of which another type may keep the meaning but not the spelling. */
export function isText({ name }: ColumnType): boolean {
  return ["text", "varchar", "bpchar", "citext"].includes(name);
}

/** The type as a person writes it. */
export function typeInWords({ name, modifiers, array }: ColumnType): string {
  const plain = spoken.get(name) ?? name;
  return `${plain}${modifiers.length > 0 ? `(${modifiers.join(", ")})` : ""}${array ? "[]" : ""}`;
}

const spoken: ReadonlyMap<string, string> = new Map([
  ["int2", "smallint"],
  ["int4", "integer"],
  ["int8", "bigint"],
  ["float4", "real"],
  ["float8", "double precision"],
  ["bool", "boolean"],
  ["bpchar", "char"],
]);
