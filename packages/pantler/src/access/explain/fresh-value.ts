/** Types of numbers, whose copies lie a stride apart. */
export const numberTypes = new Set(["int2", "int4", "int8", "numeric"]);
const textTypes = new Set(["text", "varchar", "citext"]);
/** Types whose values can be made anew. */
export const changedTypes = new Set([
  ...numberTypes,
  ...textTypes,
  "uuid",
  "date",
  "timestamp",
  "timestamptz",
]);

/** A value like another one that belongs to a copy alone; nulls stay. */
export function freshValue(source: string, type: string, fullType: string, stride: bigint): string {
  if (type === "uuid") return `md5(${source}::text || ':' || copy)::uuid`;
  if (numberTypes.has(type)) return `(${source} + copy::bigint * ${stride})::${fullType}`;
  if (textTypes.has(type)) return `(${source}::text || '~' || copy)::${fullType}`;
  if (type === "date") return `${source} + copy`;
  if (type === "timestamp" || type === "timestamptz") return `${source} + copy * interval '1 microsecond'`;
  return source;
}
