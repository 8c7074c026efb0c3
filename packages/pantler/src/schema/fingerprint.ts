import { createHash } from "node:crypto";
import type { SchemaObject } from "./read-schema.js";

/** How an object differs between two databases. */
export interface SchemaDifference {
  readonly kind: string;
  readonly name: string;
  /** Its definition on either side; undefined where it is missing. */
  readonly left: string | undefined;
  readonly right: string | undefined;
}

/** One short text for a whole schema: equal exactly when every object is. */
export function fingerprintOf(objects: readonly SchemaObject[]): string {
  const lines = objects.map(({ kind, name, definition }) => JSON.stringify([kind, name, definition])).sort();
  return createHash("sha256").update(lines.join("\n")).digest("hex").slice(0, 16);
}

/**
 * Whether a difference is an extension that is there besides: scripts that take things back often leave it, as others may
 * have come to use it, and it does no harm.
 */
export function isLeftExtension({ kind, left }: SchemaDifference): boolean {
  return kind === "extension" && left === undefined;
}

/**
 * Says how an object of the right side differs from what the left one lets expect.
 * @param extra what is said of one that only the right side has, such as `was not in the backup`
 */
export function differenceInWords({ kind, name, left, right }: SchemaDifference, extra: string): string {
  if (right === undefined) return `${kind} ${name} is missing`;
  return left === undefined ? `${kind} ${name} ${extra}` : `${kind} ${name} is different`;
}

/** Lists the objects that are not the same on both sides, by kind and name. */
export function compareSchemas(
  left: readonly SchemaObject[],
  right: readonly SchemaObject[],
): SchemaDifference[] {
  const key = ({ kind, name }: SchemaObject) => JSON.stringify([kind, name]);
  const sides = [left, right].map((side) => new Map(side.map((object) => [key(object), object])));
  const keys = [...new Set(sides.flatMap((side) => [...side.keys()]))].sort();
  return keys.flatMap((each) => {
    const [ours, theirs] = sides.map((side) => side.get(each));
    const object = ours ?? theirs;
    if (!object || ours?.definition === theirs?.definition) return [];
    return [{ kind: object.kind, name: object.name, left: ours?.definition, right: theirs?.definition }];
  });
}
