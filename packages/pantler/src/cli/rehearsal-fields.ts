import type { Rehearsal } from "../index.js";

/** A rehearsal for a program: the schema is too much to be printed, and its size says enough. */
export function rehearsalFields({ schema, ...rest }: Rehearsal): Record<string, unknown> {
  return { ...rest, objects: schema.length };
}
